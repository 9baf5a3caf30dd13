"""Constructors for errors with a single field error."""

from shared.errors import Conflict, FieldError, Invalid


def invalid(code: str, detail: str, pointer: str = "", english: str = "") -> Invalid:
    """Invalid (422) with one field error; `pointer` is the JSON pointer of the field."""
    return Invalid(detail, english or code, errors=[FieldError(code, detail, english or code, pointer)])


def conflict(code: str, detail: str, english: str = "") -> Conflict:
    """Conflict (409) with one field error whose code clients can branch on."""
    return Conflict(detail, english or code, errors=[FieldError(code, detail, english or code)])
