"""Media types of answers that the query parameter `form` chooses, for the document of a route."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

MEDIA_TYPES = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def list_form_contents(endpoint: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Media type → its entry in the document, for the files that `form` of an endpoint names; JSON is not among them."""
    hint = get_type_hints(endpoint, include_extras=True).get("form")
    return {MEDIA_TYPES[form]: {} for form in _list_values(hint) if form in MEDIA_TYPES}


def _list_values(hint: Any) -> Iterable[str]:  # noqa: ANN401 - any annotation
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    if get_origin(hint) is Literal:
        return [str(one) for one in get_args(hint)]
    return _list_values(get_args(hint)[0]) if get_args(hint) else ()
