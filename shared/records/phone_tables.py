"""The kinds that phones keep as flat tables: columns with their types, and the addresses that create and change a row."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from shared.records.kind_routes import BoundKind

JsonSchema = Mapping[str, Any]


class CellKind(StrEnum):
    """列的类型: how a value stands in one cell."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    """A time with its zone."""
    JSON = "json"
    """A list or an object."""


class PhoneTable(BaseModel):
    """手机保存的一种记录."""

    name: str
    key: str = Field(description="the field that identifies a row")
    columns: dict[str, CellKind] = Field(description="what is read, and what only a creation or change takes")
    create_path: str = Field("", description="address of the POST; empty: not created by phones")
    create_fields: list[str] = []
    change_path: str = Field("", description="address of the PATCH; empty: no field is changed")
    change_fields: list[str] = []


def describe_phone_tables(kinds: Iterable[BoundKind], prefix: str) -> list[PhoneTable]:
    """One table for each kind with `phone=True`."""
    return [_describe_table(one, prefix) for one in kinds if one.kind.phone]


def _describe_table(bound: BoundKind, prefix: str) -> PhoneTable:
    kind = bound.kind
    columns: dict[str, CellKind] = {}
    for shape in (bound.change, bound.create):
        columns |= {} if shape is None else _list_columns(shape.model_json_schema())
    columns |= _list_columns(kind.read.model_json_schema(mode="serialization"))
    columns.pop("id", None)
    found = PhoneTable(name=kind.name, key=kind.key, columns=columns)
    if bound.create is not None:
        found.create_path = f"{prefix}{kind.create or kind.path}"
        found.create_fields = _list_fields(bound.create)
    if bound.change is not None:
        found.change_path = f"{prefix}{kind.detail_address('{id}')}"
        found.change_fields = _list_fields(bound.change)
    return found


def _list_fields(shape: type[BaseModel]) -> list[str]:
    return sorted(shape.model_json_schema().get("properties", {}))


def _list_columns(schema: JsonSchema) -> dict[str, CellKind]:
    shapes = schema.get("$defs", {})
    return {name: _find_kind(one, shapes) for name, one in schema.get("properties", {}).items()}


def _find_kind(schema: JsonSchema, shapes: JsonSchema) -> CellKind:
    found = {_kind_of(one) for one in _list_variants(schema, shapes)}
    return found.pop() if len(found) == 1 else CellKind.JSON


def _list_variants(schema: JsonSchema, shapes: JsonSchema) -> Sequence[JsonSchema]:
    """The schema without references, alternatives and null."""
    if "$ref" in schema:
        return _list_variants(shapes[schema["$ref"].rpartition("/")[2]], shapes)
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts:
        return [found for part in parts for found in _list_variants(part, shapes)]
    return [] if schema.get("type") == "null" else [schema]


def _kind_of(schema: JsonSchema) -> CellKind:
    match schema.get("type"):
        case "string":
            return CellKind.INSTANT if schema.get("format") == "date-time" else CellKind.TEXT
        case "integer" | "number":
            return CellKind.NUMBER
        case "boolean":
            return CellKind.BOOLEAN
        case _:
            return CellKind.JSON
