"""Constructor for a conflict with a single field error."""

from shared.errors import Conflict, FieldError


def conflict(code: str, detail: str, english: str = "") -> Conflict:
    """Conflict (409) with one field error whose code clients can branch on."""
    return Conflict(detail, english or code, errors=[FieldError(code, detail, english or code)])
