"""Plausible values, made from what the code declares: rows of any table, bodies and addresses of any route."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, get_origin
from uuid import UUID

import sqlalchemy as sa

from shared.migrate import base_of

THE_ID = UUID("018f0000-0000-7000-8000-000000000001")
"""The id of every row, so that any `{…_id}` finds one and every reference holds."""
INSIDE = "620602100201"
OUTSIDE = "620602101201"
"""A village of another town of the same district."""
MARK = "别处"
"""A word that stands in every row made here and in no request."""
A_DAY = date(2024, 5, 6)
AN_INSTANT = datetime(2024, 5, 6, 2, 0, tzinfo=UTC)
Schema = Mapping[str, Any]


def fill(service: str, connection: sa.Connection, document: Schema) -> None:
    """One row in every table of a service that is still empty, all in the region `INSIDE`; JSON as the document shows it."""
    shapes = Shapes(document, INSIDE)
    base = base_of(service)
    kinds = {mapper.local_table: mapper.class_ for mapper in base._sa_registry.mappers}
    for table in base.metadata.sorted_tables:
        regional = any(name in table.c for name in ("region", "region_code"))
        there = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        if regional or not there:
            connection.execute(table.insert().values(_row(table, kinds.get(table), shapes)))


def _row(table: sa.Table, kind: Any, shapes: "Shapes") -> dict[str, Any]:
    fields = kind.model_fields if kind is not None else {}
    row: dict[str, Any] = {}
    for column in table.columns:
        counted = column.primary_key and isinstance(column.type, sa.Integer | sa.BigInteger)
        if column.nullable or (counted and column.autoincrement and len(table.primary_key) == 1):
            continue
        field = fields.get(column.key)
        shown = shapes.shown(kind.__name__, column.key) if kind is not None else None
        usual = getattr(field, "default", None)
        if isinstance(usual, str) and usual and not isinstance(column.type, sa.Enum):
            row[column.name] = usual
            continue
        typed = isinstance(column.type, sa.JSON) and isinstance(shown, dict | list)
        row[column.name] = shown if typed else _value(column, getattr(field, "annotation", None))
    return row


def _value(column: sa.Column[Any], annotation: Any) -> Any:
    kind = column.type
    if isinstance(kind, sa.types.TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, sa.Enum):
        return next(iter(kind.enum_class)) if kind.enum_class else kind.enums[0]
    if isinstance(kind, sa.String):
        return _text(column, kind.length)
    if isinstance(kind, sa.Integer) and "year" in column.name:
        return A_DAY.year
    if isinstance(kind, sa.JSON):
        return (
            []
            if str(column) in LISTS or get_origin(annotation) in {list, tuple} or annotation in {list, tuple}
            else {}
        )
    return next(value for known, value in _PLAIN if isinstance(kind, known))


_PLAIN: tuple[tuple[Any, Any], ...] = (
    (sa.Uuid, THE_ID),
    (sa.Boolean, False),
    (sa.Integer, 1),
    (sa.Numeric, 1),
    (sa.Date, A_DAY),
    (sa.DateTime, AN_INSTANT),
    (sa.LargeBinary, b"x"),
)


CODES = {"notice.level": "village", "objection.channel": "online"}
"""Columns of shared tables that hold codes as plain text."""
LISTS = {"notice.places", "webhook.types", "webhook.spans"}
"""Columns of shared tables that hold lists; tables without a class have no annotation to say so."""


def _text(column: sa.Column[Any], length: int | None) -> str:
    if str(column) in CODES:
        return CODES[str(column)]
    if column.name == "region" or column.name.endswith(("_region", "region_code")):
        return INSIDE
    if column.primary_key or column.foreign_keys or (length or 0) >= len(str(THE_ID)):
        return str(THE_ID)[: length or 64]
    if column.name == "month":
        return f"{A_DAY:%Y-%m}"
    return MARK[: length or 2]


class Shapes:
    """Bodies and parameters that fit one service's OpenAPI document, with regions as given."""

    def __init__(self, document: Schema, region: str) -> None:
        self.document = document
        self.region = region

    def shown(self, kind: str, field: str) -> Any:
        """The least value of a field as the answers about a kind of record show it; None when they do not."""
        read = self.document["components"]["schemas"].get(f"{kind}Read", {})
        schema = read.get("properties", {}).get(field)
        if schema is None or (schema.get("type") == "array" and "enum" not in self._plain(schema["items"])):
            return None
        return self.value(schema, field)

    def address(self, path: str, operation: Schema) -> tuple[str, dict[str, Any]]:
        """The path with its parameters filled in, and the query it cannot do without."""
        query = {}
        for one in operation.get("parameters", []):
            value = self.value(one["schema"], one["name"])
            if one["in"] == "path":
                path = path.replace("{" + one["name"] + "}", str(value))
            elif one["in"] == "query" and (one.get("required") or one["name"] == "region"):
                query[one["name"]] = value
        return path, query

    def body(self, operation: Schema) -> dict[str, Any]:
        """Keyword arguments for httpx."""
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            return {"json": self.value(content["application/json"]["schema"], "")}
        if "application/x-www-form-urlencoded" in content:
            return {"data": self.value(content["application/x-www-form-urlencoded"]["schema"], "")}
        return {"content": b"x"} if content else {}

    def value(self, schema: Schema, name: str) -> Any:
        """The least value that fits a schema."""
        schema = self._plain(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", (schema.get("enum") or [None])[0])
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                wanted = [key for key in fields if key in schema.get("required", []) or key == "region"]
                return {key: self.value(fields[key], key) for key in wanted}
            case "array":
                return [self.value(schema.get("items", {}), name)] * max(schema.get("minItems", 0), 1)
            case "integer" | "number":
                return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            case "boolean":
                return False
            case _:
                return self._text(schema, name)

    def _plain(self, schema: Schema) -> Schema:
        while True:
            if "$ref" in schema:
                schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            elif found := next((schema[key] for key in ("anyOf", "oneOf", "allOf") if key in schema), None):
                schema = found[0]
            else:
                return schema

    def _text(self, schema: Schema, name: str) -> str:
        formats = {"uuid": str(THE_ID), "date": str(A_DAY), "date-time": AN_INSTANT.isoformat()}
        if schema.get("format") in formats:
            return formats[schema["format"]]
        pattern = schema.get("pattern", "")
        if "[0-9]{12}" in pattern or "region" in name:
            return self.region
        if "[0-9a-f]{64}" in pattern:
            return "0" * 64
        if "a-z" in pattern:
            return str(THE_ID).replace("0", "a", 1)
        text = "12.00" if pattern else str(THE_ID) if name.endswith(("id", "key")) else "样例文字"
        return text.ljust(schema.get("minLength", 0), "样")[: schema.get("maxLength", 200)]
