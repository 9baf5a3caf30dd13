"""Base of what a request sends: a body has known fields only, no text of blanks, and every value in the form that its document names.

Pydantic by itself takes more than the document: "20240101" as a day of 1970 (seconds), `false` as 0, "yes" as true, "7" as 7.
Here a value in another form is refused where it stands; Python values (a date, a UUID) are taken as they are, so that a body
can also be made by code.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

TEXT_FORMS = {
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII),
    "datetime": re.compile(r"(?![+-]?[0-9.]+$).+", re.DOTALL),
    "decimal": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII),
    "float": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII),
    "int": re.compile(r"[+-]?\d+", re.ASCII),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
"""What a text must look like to stand for a value of the type; for an instant any text that is no count of seconds."""
_WRITTEN_AS_TEXT = frozenset({"date", "datetime", "decimal", "uuid"})
_STRICT = "x-strict"

MAX_DEPTH = 100
"""How deep lists and objects of a JSON text may lie in one another: what reads them calls itself for each level."""


def load_json(content: str | bytes, **options: Any) -> Any:  # noqa: ANN401 - any JSON
    """A JSON text that a caller sent, bytes in UTF-8: other encodings hide what is searched for in the bytes.

    JSONDecodeError for what is none, for NaN and infinite numbers, and beyond MAX_DEPTH; ValueError for bytes of another encoding.
    """
    text = content if isinstance(content, str) else content.decode("utf-8-sig", "surrogatepass")
    try:
        found = json.loads(text, parse_constant=_refuse_constant, parse_float=_read_float, **options)
    except RecursionError:
        raise json.JSONDecodeError("Nested too deeply", "", 0) from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(found)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON", "", 0)


def _read_float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text[:20])


def _check_depth(value: Any) -> None:  # noqa: ANN401 - any JSON
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise json.JSONDecodeError("Nested too deeply", "", 0)


def build_form_error(kind: str) -> PydanticKnownError:
    """Pydantic's error for a value that has not the form of a type of TEXT_FORMS."""
    return PydanticKnownError(f"{kind}_type")  # type: ignore[arg-type]  # one of its names


def _require_form(kind: str) -> Callable[[Any], Any]:
    """What refuses a JSON value that has not the form of the type, before pydantic converts it."""
    form, as_text, allowed = TEXT_FORMS[kind], kind in _WRITTEN_AS_TEXT, kind in {"decimal", "float", "int"}

    def check(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str):
            fits = as_text and form.fullmatch(value) is not None
        elif isinstance(value, bool):
            fits = kind == "bool"
        else:
            fits = allowed or not isinstance(value, int | float)
        if not fits:
            raise build_form_error(kind)
        return value

    return check


_CHECKS = {kind: _require_form(kind) for kind in TEXT_FORMS}


def _add_checks(schema: Any) -> Any:  # noqa: ANN401 - a core schema or a part of one
    """The same schema with a check before each type; keys of objects are texts in JSON and stay as they are."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_add_checks, schema))
    if not isinstance(schema, dict):
        return schema
    if check := _CHECKS.get(schema.get("type", "")):
        return core_schema.no_info_before_validator_function(check, schema)
    inner = {"schema", "items_schema", "values_schema", "choices", "steps"} & schema.keys()
    changed = {**schema, **{name: _add_checks(schema[name]) for name in inner}}
    if schema.get("type") == "tagged-union":
        changed["choices"] = {tag: _add_checks(one) for tag, one in schema["choices"].items()}
    if "fields" in schema:
        changed["fields"] = {name: _add_checks(field) for name, field in schema["fields"].items()}
    return changed


class StrictModel(BaseModel):
    """A model that takes values of JSON only in the form that its schema names; ValidationError `date_type` and the like."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:  # noqa: ANN401 - pydantic's own
        schema = handler(source)
        model: dict[str, Any] = handler.resolve_ref_schema(schema)  # type: ignore[assignment]
        metadata = model.setdefault("metadata", {})
        if _STRICT not in metadata:
            metadata[_STRICT] = True
            model["schema"] = _add_checks(model["schema"])
        return schema


class RequestBody(StrictModel):
    """Body of a request, or a part of one: an unknown field is refused, white space at both ends of a text is cut off."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
