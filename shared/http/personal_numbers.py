"""Bodies with one meaning, and what free text may not hold.

A person's number in a field of words is asked about, or masked when the caller says so.

The fields of a route's body that are words are known from its schema. A body with such a number is refused (422, with a
pointer and the masked form); sent again with `Personal-Numbers: mask` it is taken with the numbers masked, so that
neither the database nor the log ever holds them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter
from starlette.types import Message

from shared.china.personal_numbers import find_personal_numbers, mask_personal_numbers
from shared.errors import FieldError, Invalid
from shared.request_body import load_json

HEADER, MASK = "personal-numbers", "mask"
DECLARED_NUMBER = "x-declared-number"
"""Mark in the schema of a field that is made for a number, and stores it sealed."""
_DIGIT_RUN = re.compile(rb"(?:[0-9][ \-]?|\xef\xbc[\x90-\x99]|\\[uU][fF][fF]1[0-9]){11}")
_WORDLESS = ("pattern", "format", "enum", "const", DECLARED_NUMBER)
JsonSchema = dict[str, Any]
_ANYTHING: JsonSchema = {}


class StrictRequest(Request):
    """A request whose JSON names every field once: of two values under one name readers take different ones."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body; JSONDecodeError for a repeated name."""
        return load_json(await self.body(), object_pairs_hook=_require_unique_names)


def _require_unique_names(pairs: list[tuple[str, Any]]) -> JsonSchema:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError("A field is given twice", "", 0)
    return found


class PersonalNumberFound(Invalid):
    """422: a field of words holds a number of a person."""

    slug = "personal-number"
    title, title_en = "文字中含有个人号码", "A personal number in free text"


class FreeTextCheck:
    """The check of one route's body."""

    def __init__(self, annotation: Any) -> None:  # noqa: ANN401 - any type a body may have
        self._annotation = annotation
        self._schema: JsonSchema | None = None
        self._resolved: dict[int, list[JsonSchema]] = {}
        self._has_words: dict[int, bool] = {}
        self._wordy: dict[int, list[str]] = {}

    async def apply(self, request: Request) -> Request:
        """The request, with numbers masked when the caller asked for it; PersonalNumberFound otherwise."""
        content = await request.body()
        if not _DIGIT_RUN.search(content) or "json" not in request.headers.get("content-type", ""):
            return request
        try:
            body = load_json(content)
        except ValueError:
            return request  # the route says what is wrong with it
        wants_mask = request.headers.get(HEADER, "").lower() == MASK
        errors: list[FieldError] = []
        cleaned = self._clean(body, self._load_schema(), "", errors)
        if not errors:
            return request
        if not wants_mask:
            raise PersonalNumberFound(
                "文字里含有"
                + "、".join(dict.fromkeys(one.detail for one in errors))
                + ", 请删去或遮盖后再提交",
                "Remove or mask the personal numbers in free text",
                errors=errors,
                next_step="删去号码, 或带上请求头 Personal-Numbers: mask 由系统遮盖",
            )
        return _with_body(request, json.dumps(cleaned, ensure_ascii=False).encode())

    def _load_schema(self) -> JsonSchema:
        if self._schema is None:
            self._schema = TypeAdapter(self._annotation).json_schema()
        return self._schema

    def _resolve(self, schema: JsonSchema) -> list[JsonSchema]:
        """The schema without references, as its alternatives; found once for each part of the route's schema."""
        if id(schema) not in self._resolved:
            self._resolved[id(schema)] = self._list_alternatives(schema)
        return self._resolved[id(schema)]

    def _list_alternatives(self, schema: JsonSchema) -> list[JsonSchema]:
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            found: JsonSchema = (self._load_schema().get("$defs") or {})[name]
            return self._resolve(found)
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema and not any(mark in schema for mark in _WORDLESS):
                return [leaf for one in schema[word] for leaf in self._resolve(one)]
        return [schema]

    def _may_hold_words(self, schema: JsonSchema) -> bool:
        """Whether a value of this schema is, or holds, a text that is checked: most values of most bodies are not."""
        if id(schema) not in self._has_words:
            self._has_words[id(schema)] = True  # while it is looked at: a schema may hold itself
            self._has_words[id(schema)] = any(
                _is_words(one)
                or any(map(self._may_hold_words, one.get("properties", {}).values()))
                or any(
                    self._may_hold_words(one[word])
                    for word in ("items", "additionalProperties")
                    if isinstance(one.get(word), dict)
                )
                for one in self._resolve(schema)
            )
        return self._has_words[id(schema)]

    def _list_wordy(self, schema: JsonSchema, value: JsonSchema) -> Iterable[str]:
        """The fields of a value that may hold words; fields that the schema does not name only where it allows them."""
        alternatives = self._resolve(schema)
        if any(isinstance(one.get("additionalProperties"), dict) for one in alternatives):
            return list(value)
        if id(schema) not in self._wordy:
            fields = [item for one in alternatives for item in one.get("properties", {}).items()]
            self._wordy[id(schema)] = [name for name, inner in fields if self._may_hold_words(inner)]
        return [name for name in self._wordy[id(schema)] if value.get(name)]

    def _clean(self, value: Any, schema: JsonSchema, pointer: str, errors: list[FieldError]) -> Any:  # noqa: ANN401 - any JSON
        if not self._may_hold_words(schema):
            return value
        alternatives = self._resolve(schema)
        if isinstance(value, str):
            return self._clean_text(value, alternatives, pointer, errors)
        if isinstance(value, list):
            items: JsonSchema = next((one["items"] for one in alternatives if "items" in one), _ANYTHING)
            return [self._clean(one, items, f"{pointer}/{at}", errors) for at, one in enumerate(value)]
        if isinstance(value, dict):
            schemas = {name: _find_property(alternatives, name) for name in self._list_wordy(schema, value)}
            return {
                **value,
                **{
                    name: self._clean(value[name], one, f"{pointer}/{_escape(name)}", errors)
                    for name, one in schemas.items()
                },
            }
        return value

    @staticmethod
    def _clean_text(text: str, alternatives: list[JsonSchema], pointer: str, errors: list[FieldError]) -> str:
        texts = [one for one in alternatives if one.get("type") == "string"]
        if not texts or any(mark in one for one in texts for mark in _WORDLESS):
            return text
        found = find_personal_numbers(text)
        errors += [
            FieldError(
                "personal_number", f"{one.kind} {one.masked}", f"a personal number {one.masked}", pointer
            )
            for one in found
        ]
        return mask_personal_numbers(text) if found else text


def _find_property(alternatives: list[JsonSchema], name: str) -> JsonSchema:
    for one in alternatives:
        if name in one.get("properties", {}):
            found: JsonSchema = one["properties"][name]
            return found
    return next(
        (
            one["additionalProperties"]
            for one in alternatives
            if isinstance(one.get("additionalProperties"), dict)
        ),
        _ANYTHING,
    )


def _is_words(schema: JsonSchema) -> bool:
    return schema.get("type") == "string" and not any(mark in schema for mark in _WORDLESS)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _with_body(request: Request, body: bytes) -> StrictRequest:
    """The same request with another body."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return StrictRequest(request.scope, receive)
