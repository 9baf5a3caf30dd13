"""Plausible values, made from what the code declares: rows of any table, bodies and addresses of any route."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, get_origin
from uuid import UUID

import sqlalchemy as sa

from shared.db import Database
from shared.db.migrate import load_base
from tests.clients import SystemUnderTest

SAMPLE_ID = UUID("018f0000-0000-7000-8000-000000000001")
"""The id of every row, so that any `{…_id}` finds one and every reference holds."""
REGION_INSIDE = "620602100201"
REGION_OUTSIDE = "620602101201"
"""A village of another town of the same district."""
SAMPLE_TEXT = "别处"
"""A word that stands in every row made here and in no request."""
SAMPLE_DATE = date(2024, 5, 6)
SAMPLE_INSTANT = datetime(2024, 5, 6, 2, 0, tzinfo=UTC)
JsonSchema = Mapping[str, Any]


WITHOUT_CHECKS = {
    "sqlite": "PRAGMA defer_foreign_keys=ON",
    "postgresql": "SET LOCAL session_replication_role = replica",
}
"""Made-up rows refer to one another in rings, and an entry of theirs does not add up to zero."""


async def fill_with_sample_rows(doors: SystemUnderTest, service: str) -> None:
    """One row in every table of a service that is still empty, all in the region `INSIDE`; JSON as the document shows it."""
    database: Database = doors.apps[service].state.context.database
    document = doors.apps[service].openapi()
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql(WITHOUT_CHECKS[database.dialect])
        await connection.run_sync(lambda one: _insert_rows(service, one, document))


def _insert_rows(service: str, connection: sa.Connection, document: JsonSchema) -> None:
    shapes = SampleInputs(document, REGION_INSIDE)
    base = load_base(service)
    kinds = {mapper.local_table: mapper.class_ for mapper in base._sa_registry.mappers}
    for table in base.metadata.sorted_tables:
        regional = any(name in table.c for name in ("region", "region_code"))
        there = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        if regional or not there:
            connection.execute(table.insert().values(_build_row(table, kinds.get(table), shapes)))


FILLED_COLUMNS = {("complaint", "day_id"), ("complaint", "work_date")}
"""Columns that may be empty but make the kind of the row: a complaint about a day is an objection."""


SAMPLE_VALUES = {
    ("project", "verdict"): "clear",
    ("clue", "state"): "duplicate",
    ("household", "state"): "rejected",
    ("rectification_item", "state"): "cancelled",
    ("revival", "before"): {
        "on": str(SAMPLE_DATE),
        "use": "idle",
        "income": 12,
        "households": 1,
        "operator": "",
    },
    ("rule_proposal", "entry"): {
        "title": SAMPLE_TEXT,
        "value": 1,
        "effective_from": str(SAMPLE_DATE),
        "basis": SAMPLE_TEXT,
    },
    ("webhook", "form"): "webhook",
    ("work_actual", "value"): "1",
    ("work_target", "value"): "1",
    ("work_target", "year"): 2000,
}
"""Text columns that hold a code or an exact decimal; nothing is late about an item that was cancelled, a
clue that was merged, a household that was rejected, a target of a year that is over."""


def _build_row(table: sa.Table, kind: Any, shapes: "SampleInputs") -> dict[str, Any]:
    fields = kind.model_fields if kind is not None else {}
    row: dict[str, Any] = {}
    for column in table.columns:
        counted = column.primary_key and isinstance(column.type, sa.Integer | sa.BigInteger)
        filled = (table.name, column.name) in FILLED_COLUMNS
        if (column.nullable and not filled) or (
            counted and column.autoincrement and len(table.primary_key) == 1
        ):
            continue
        if (table.name, column.name) in SAMPLE_VALUES:
            row[column.name] = SAMPLE_VALUES[table.name, column.name]
            continue
        field = fields.get(column.key)
        shown = shapes.field_value(kind.__name__, column.key) if kind is not None else None
        usual = getattr(field, "default", None)
        if isinstance(usual, str) and usual and not isinstance(column.type, sa.Enum):
            row[column.name] = usual
            continue
        typed = isinstance(column.type, sa.JSON) and isinstance(shown, dict | list)
        row[column.name] = shown if typed else _column_value(column, getattr(field, "annotation", None))
    return row


def _column_value(column: sa.Column[Any], annotation: Any) -> Any:
    kind = column.type
    if isinstance(kind, sa.types.TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, sa.Enum):
        return next(iter(kind.enum_class)) if kind.enum_class else kind.enums[0]
    if isinstance(kind, sa.String):
        return _column_text(column, kind.length)
    if isinstance(kind, sa.Integer) and "year" in column.name:
        return SAMPLE_DATE.year
    if isinstance(kind, sa.JSON):
        return (
            []
            if str(column) in LIST_COLUMNS
            or get_origin(annotation) in {list, tuple}
            or annotation in {list, tuple}
            else {}
        )
    return next(value for known, value in _VALUES_BY_TYPE if isinstance(kind, known))


_VALUES_BY_TYPE: tuple[tuple[Any, Any], ...] = (
    (sa.Uuid, SAMPLE_ID),
    (sa.Boolean, False),
    (sa.Integer, 1),
    (sa.Numeric, 1),
    (sa.Float, 1.0),
    (sa.Date, SAMPLE_DATE),
    (sa.DateTime, SAMPLE_INSTANT),
    (sa.LargeBinary, b"x"),
)


TEXT_CODE_COLUMNS = {"notice.level": "village", "objection.channel": "online"}
"""Columns of shared tables that hold codes as plain text."""
LIST_COLUMNS = {"notice.places", "webhook.types", "webhook.spans"}
"""Columns of shared tables that hold lists; tables without a class have no annotation to say so."""


def _column_text(column: sa.Column[Any], length: int | None) -> str:
    if str(column) in TEXT_CODE_COLUMNS:
        return TEXT_CODE_COLUMNS[str(column)]
    if column.name == "region" or column.name.endswith(("_region", "region_code")):
        return REGION_INSIDE
    if column.primary_key or column.foreign_keys or (length or 0) >= len(str(SAMPLE_ID)):
        return str(SAMPLE_ID)[: length or 64]
    if column.name == "month":
        return f"{SAMPLE_DATE:%Y-%m}"
    return SAMPLE_TEXT[: length or 2]


class SampleInputs:
    """Bodies and parameters that fit one service's OpenAPI document, with regions as given."""

    def __init__(self, document: JsonSchema, region: str) -> None:
        self.document = document
        self.region = region

    def field_value(self, kind: str, field: str) -> Any:
        """The least value of a field as the answers about a kind of record show it; None when they do not."""
        read = self.document["components"]["schemas"].get(f"{kind}Read", {})
        schema = read.get("properties", {}).get(field)
        if schema is None or (
            schema.get("type") == "array" and "enum" not in self._resolve_schema(schema["items"])
        ):
            return None
        return self.build_value(schema, field)

    def build_path(self, path: str, operation: JsonSchema) -> tuple[str, dict[str, Any]]:
        """The path with its parameters filled in, and the query it cannot do without."""
        query = {}
        for one in operation.get("parameters", []):
            value = self.build_value(one["schema"], one["name"])
            if one["in"] == "path":
                path = path.replace("{" + one["name"] + "}", str(value))
            elif one["in"] == "query" and (one.get("required") or one["name"] == "region"):
                query[one["name"]] = value
        return path, query

    def build_body(self, operation: JsonSchema) -> dict[str, Any]:
        """Keyword arguments for httpx."""
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            return {"json": self.build_value(content["application/json"]["schema"], "")}
        if "application/x-www-form-urlencoded" in content:
            return {"data": self.build_value(content["application/x-www-form-urlencoded"]["schema"], "")}
        return {"content": b"x"} if content else {}

    def build_value(self, schema: JsonSchema, name: str) -> Any:
        """The least value that fits a schema."""
        schema = self._resolve_schema(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", (schema.get("enum") or [None])[0])
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                wanted = [key for key in fields if key in schema.get("required", []) or key == "region"]
                return {key: self.build_value(fields[key], key) for key in wanted}
            case "array":
                return [self.build_value(schema.get("items", {}), name)] * max(schema.get("minItems", 0), 1)
            case "integer" | "number":
                return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            case "boolean":
                return False
            case _:
                return self._build_text(schema, name)

    def _resolve_schema(self, schema: JsonSchema) -> JsonSchema:
        while True:
            if "$ref" in schema:
                schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            elif found := next((schema[key] for key in ("anyOf", "oneOf", "allOf") if key in schema), None):
                schema = found[0]
            else:
                return schema

    def _build_text(self, schema: JsonSchema, name: str) -> str:
        formats = {"uuid": str(SAMPLE_ID), "date": str(SAMPLE_DATE), "date-time": SAMPLE_INSTANT.isoformat()}
        if schema.get("format") in formats:
            return formats[schema["format"]]
        pattern = schema.get("pattern", "")
        if "[0-9]{12}" in pattern or "region" in name:
            return self.region
        if "[0-9a-f]{64}" in pattern:
            return "0" * 64
        if "a-z" in pattern:
            return str(SAMPLE_ID).replace("0", "a", 1)
        text = "12.00" if pattern else str(SAMPLE_ID) if name.endswith(("id", "key")) else "样例文字"
        return text.ljust(schema.get("minLength", 0), "样")[: schema.get("maxLength", 200)]
