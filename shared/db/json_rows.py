"""Rows that the database writes as JSON in the form of a response model: nothing is loaded, validated or written again.

    rows = json_rows(PaymentRead, Payment)
    sa.select(rows.text(session)).select_from(rows.shown)

The response model stays the one description of the answer; a model that says what SQL cannot (a field of another table, a
validator, a nested schema that is stored in another form) is refused with TypeError. tests/records/test_json_rows.py compares
the database's text with pydantic's for every list.
"""

import inspect
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, SimpleNamespace
from typing import Any, NamedTuple, NoReturn, get_args, get_origin
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from sqlmodel import UTCDateTime
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.china.money import is_money
from shared.db.engine import Fen

NULL_AS_BLANK = BeforeValidator(lambda value: value or "")
"""Metadata of a text field whose column may be null: the answer is blank."""
PLAIN_TYPES = (str, int, float, bool, NoneType)
"""Types that JSON columns hold as they are answered."""
ARGUMENTS = 50
"""Fields that one json_object of SQLite takes: 127 arguments, two for each."""
UUID_GROUPS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


_SQLITE_FEN = "CASE WHEN ?<0 THEN '-' ELSE '' END||(abs(?)/100)||printf('.%02d',abs(?)%100)"


class _Forms(NamedTuple):
    """How SQL writes values as JSON: ? is the column or element, ! the name, the fields or the default."""

    columns: Mapping[type[sa.types.TypeEngine[Any]], str]
    list_of: str
    object_of: str
    field: str
    amount: str
    default: str


_SQLITE = _Forms(
    columns={
        sa.Uuid: "||'-'||".join(f"substr(?,{first},{length})" for first, length in UUID_GROUPS),
        UTCDateTime: "replace(substr(?,1,19),' ','T')"
        "||CASE substr(?,21) WHEN '000000' THEN '' ELSE substr(?,20) END||'Z'",
        sa.Boolean: "json(CASE ? WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)",
        sa.JSON: "json(?)",
        # Fifteen digits are all that SQLite's JSON keeps of a number of its own.
        sa.Float: "json(CASE WHEN ? IS NOT NULL THEN printf('%!.17g',?) END)",
        Fen: _SQLITE_FEN,
    },
    list_of="(SELECT json_group_array(json_object(!)) FROM json_each(?) AS one)",
    object_of="json(CASE WHEN json_type(?)='object' THEN json_object(!) END)",
    field="json_extract(?,'$.!')",
    amount=_SQLITE_FEN.replace("?", "json_extract(?,'$.!')"),
    default="json_extract(!,'$')",
)
_POSTGRES = _Forms(
    columns={
        UTCDateTime: "to_char(? AT TIME ZONE 'UTC','YYYY-MM-DD\"T\"HH24:MI:SS'"
        "||CASE WHEN date_trunc('second',?)=? THEN '' ELSE '.US' END||'\"Z\"')",
        Fen: "round(?/100.0,2)::text",
    },
    list_of="(SELECT coalesce(json_agg(json_build_object(!)),'[]')"
    " FROM jsonb_array_elements(?) AS one(value))",
    object_of="CASE WHEN jsonb_typeof(?)='object' THEN json_build_object(!) END",
    field="?->'!'",
    amount="round((?->>'!')::bigint/100.0,2)::text",
    default="!::jsonb",
)


class JsonRows:
    """The columns of a table as one JSON text a row; the names are those of the response model."""

    def __init__(self, read: type[BaseModel], model: Any) -> None:  # noqa: ANN401 - a table or its class
        self.read, self.model = read, model
        self.table: sa.Table = model if isinstance(model, sa.Table) else model.__table__
        decorators = read.__pydantic_decorators__
        if decorators.field_validators or decorators.model_validators or decorators.field_serializers:
            self._refuse("has validators or serializers")
        self.shown = self.table.alias("shown")
        """The table as the text names it."""
        texts = {"sqlite": self._write_sqlite(), "postgresql": self._write_postgres()}
        self._texts = {name: sa.literal_column(text, sa.Text).label("row") for name, text in texts.items()}

    def text(self, session: AsyncSession) -> sa.ColumnElement[str]:
        """The JSON text of a row of `shown`."""
        return self._texts[session.get_bind().dialect.name]

    def _write_sqlite(self) -> str:
        fields = [f"'{name}',{text}" for name, text in self._iterate_fields(_SQLITE)]
        parts = [
            f"json_object({','.join(fields[at : at + ARGUMENTS])})" for at in range(0, len(fields), ARGUMENTS)
        ]
        # {"a":1} and {"b":2} become {"a":1,"b":2}
        ends = [f"substr({one},1,length({one})-1)" if one is not parts[-1] else one for one in parts]
        return "||','||".join(one if at == 0 else f"substr({one},2)" for at, one in enumerate(ends))

    def _write_postgres(self) -> str:
        fields = [f'{text} AS "{name}"' for name, text in self._iterate_fields(_POSTGRES)]
        row = f"(SELECT {','.join(fields)}) AS written"
        return f"(SELECT row_to_json(written)::text FROM {row})"  # noqa: S608 - our own names and constants

    def _iterate_fields(self, forms: _Forms) -> Iterator[tuple[str, str]]:
        """Name in JSON and SQL expression of every field."""
        for name, field in self.read.model_fields.items():
            answered = field.serialization_alias or field.alias or name
            if name not in self.table.c:
                yield answered, self._write_property(self.model, name)
                continue
            text = f'shown."{name}"'
            column = self.table.c[name]
            if NULL_AS_BLANK in field.metadata:
                text = f"coalesce({text},'')"
            form = self._find_form(name, field, column.type, forms)
            yield answered, form.replace("?", text)
        for name in self.read.model_computed_fields:
            yield name, self._write_property(self.read, name)

    def _find_form(self, name: str, field: FieldInfo, kind: sa.types.TypeEngine[Any], forms: _Forms) -> str:
        """How a column is written, with ? in its place."""
        while isinstance(kind, sa.types.TypeDecorator) and not isinstance(kind, UTCDateTime):
            kind = kind.impl_instance
        if _has_money(field):
            if not isinstance(kind, Fen):
                self._refuse(f"answers {name} as money, which is none in the table")
            return forms.columns[Fen]
        types = {one for one in _leaf_types(field.annotation) if one is not NoneType}
        if isinstance(kind, sa.JSON):
            nested = _find_nested(field.annotation)
            if nested is not None:
                return self._write_nested(nested, forms, is_list=get_origin(field.annotation) is list)
            if not all(_is_plain(one) for one in types):
                self._refuse(f"answers {name} in another form than it is stored")
            return forms.columns.get(sa.JSON, "?")
        wanted = next((python for column, python in _ANSWERED_AS if isinstance(kind, column)), ())
        if len(types) != 1 or not all(isinstance(one, type) and issubclass(one, wanted) for one in types):
            self._refuse(f"answers {name} as {types}, a column of {kind!r}")
        return next((form for column, form in forms.columns.items() if isinstance(kind, column)), "?")

    def _write_nested(self, shape: type[BaseModel], forms: _Forms, *, is_list: bool) -> str:
        """A JSON column that holds objects of a schema: its fields one by one, amounts as money, defaults where one is missing."""
        element = "one.value" if is_list else "?"
        pairs = []
        for name, field in shape.model_fields.items():
            form = forms.amount if _has_money(field) else forms.field
            text = form.replace("?", element).replace("!", name)
            if not _has_money(field) and not all(map(_is_nested_plain, _leaf_types(field.annotation))):
                self._refuse(f"answers {shape.__name__}.{name} in another form than it is stored")
            if not field.is_required() and field.default is not None:
                default = _quote(json.dumps(field.default, ensure_ascii=False))
                text = f"coalesce({text},{forms.default.replace('!', default)})"
            pairs.append(f"'{name}',{text}")
        return (forms.list_of if is_list else forms.object_of).replace("!", ",".join(pairs))

    def _write_property(self, owner: Any, name: str) -> str:  # noqa: ANN401 - a class
        """A property that follows from one code column, as a CASE over its codes."""
        found = inspect.getattr_static(owner, name, None)
        getter = getattr(getattr(found, "wrapped", found), "fget", None)
        if getter is None:
            self._refuse(f"answers {name}, which is no column and no property")
        for column in self.table.c:
            codes = getattr(column.type, "enum_class", None) or ()
            try:
                values = {one.value: str(getter(SimpleNamespace(**{column.key: one}))) for one in codes}
            except AttributeError:
                continue  # it looks at another column
            if values:
                cases = " ".join(f"WHEN {_quote(code)} THEN {_quote(text)}" for code, text in values.items())
                return f'CASE shown."{column.name}" {cases} END'
        return self._refuse(f"answers {name}, which follows from no code column")

    def _refuse(self, reason: str) -> NoReturn:
        message = f"{self.read.__name__} of {self.table.name} {reason}"
        raise TypeError(message)


@cache
def json_rows(read: type[BaseModel], model: Any) -> JsonRows:  # noqa: ANN401 - a table or its class
    """The rows of a table in the form of a response model; TypeError when SQL cannot write it."""
    return JsonRows(read, model)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _has_money(field: FieldInfo) -> bool:
    return any(is_money(one) for one in field.metadata) or any(
        is_money(one) for part in get_args(field.annotation) for one in getattr(part, "__metadata__", ())
    )


def _leaf_types(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - a type
    parts = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        parts = parts[:1]
    if not parts:
        yield annotation
    elif get_origin(annotation) is not None or parts:
        for part in parts:
            yield from _leaf_types(part)


def _find_nested(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type
    """The schema of a field that is one object or a list of them; those of a dict are as they are stored."""
    if get_origin(annotation) is dict:
        return None
    return next(
        (one for one in _leaf_types(annotation) if isinstance(one, type) and issubclass(one, BaseModel)), None
    )


def _is_nested_plain(kind: Any) -> bool:  # noqa: ANN401 - a type
    """Whether a value inside a JSON column is stored as it is answered: days and exact numbers are texts there."""
    return kind in {date, Decimal} or (kind is not bool and _is_plain(kind))


def _is_plain(kind: Any) -> bool:  # noqa: ANN401 - a type
    """Whether what a JSON column holds of this type is what pydantic would write."""
    if kind is Any or kind in PLAIN_TYPES:
        return True
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return all(
            not _has_money(field) and all(map(_is_plain, _leaf_types(field.annotation)))
            for field in kind.model_fields.values()
        )
    return isinstance(kind, type) and issubclass(kind, str)


_ANSWERED_AS: tuple[tuple[type[sa.types.TypeEngine[Any]], Any], ...] = (
    (sa.Uuid, UUID),
    (UTCDateTime, datetime),
    (sa.Date, date),
    (sa.Boolean, bool),
    (sa.Enum, str),
    (sa.String, str),
    (sa.Float, float),
    (sa.Integer, int),
)

__all__ = ["NULL_AS_BLANK", "JsonRows", "json_rows"]
