"""Refusals of one fault, said once."""

from shared.errors import Conflict, FieldError, Invalid


def invalid(code: str, detail: str, pointer: str = "", english: str = "") -> Invalid:
    """422 that points at one field."""
    return Invalid(detail, english or code, errors=[FieldError(code, detail, english or code, pointer)])


def conflict(code: str, detail: str, english: str = "") -> Conflict:
    """409 with a code a client can branch on."""
    return Conflict(detail, english or code, errors=[FieldError(code, detail, english or code)])
