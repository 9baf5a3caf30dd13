"""Several selects in one statement: the database puts the rows of each into one JSON array, this module makes rows of them.

Every select keeps its own conditions (the caller's scope among them), order and columns; only the trips are saved.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.read_lane import fetch_rows

MAX_COLUMNS = 100
"""Arguments that PostgreSQL's json_build_array takes."""
ModelT = TypeVar("ModelT")
Decoder = Callable[[Any], Any]
Rows = dict[str, list[Any]]
"""Name of a select → its rows, with the columns as attributes."""


async def read_together(session: AsyncSession, **selects: sa.SelectBase) -> Rows:
    """The rows of every select, by its name, from one statement."""
    connection = await session.connection()
    dialect = connection.dialect
    arrays = [_as_array(dialect.name, one).label(name) for name, one in selects.items()]
    found = (await connection.execute(sa.select(*arrays))).one()
    return {
        name: _decode(dialect, one, text) for (name, one), text in zip(selects.items(), found, strict=True)
    }


class SelectsTogether:
    """Selects that depend on parameters only (`sa.bindparam`), written as one SQL text once for each kind of database."""

    def __init__(self, **selects: sa.SelectBase) -> None:
        self.selects = selects
        self._compiled: dict[str, _Compiled] = {}

    async def read(self, session: AsyncSession, **values: Any) -> Rows:  # noqa: ANN401 - any parameters
        """The rows of every select, by its name, from one statement."""
        dialect = session.get_bind().dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        (found,) = await fetch_rows(session, compiled.text, compiled.bind(values))
        return {
            name: _decode_with(shape, decoders, text)
            for (name, shape, decoders), text in zip(compiled.rows, found, strict=True)
        }

    def _compile(self, dialect: sa.Dialect) -> "_Compiled":
        arrays = [_as_array(dialect.name, one).label(name) for name, one in self.selects.items()]
        query = sa.select(*arrays)
        binds = [one for one in visitors.iterate(query) if isinstance(one, sa.BindParameter)]
        parameters = {one.key: one for one in binds if one.required}
        written: Any = visitors.replacement_traverse(query.params(dict.fromkeys(parameters)), {}, _write_out)
        # Parameters by name, so that each value is given once.
        make_dialect: Any = type(dialect)
        style = "named" if dialect.name == "sqlite" else "pyformat"
        compiled = written.compile(
            dialect=make_dialect(paramstyle=style), compile_kwargs={"render_postcompile": True}
        )
        return _Compiled(
            text=str(compiled),
            # SQLite's compiler adds OFFSET 0 to a LIMIT.
            constants={
                name: one.value
                for one, name in compiled.bind_names.items()
                if one.value is not None and not one.literal_execute
            },
            processors={
                name: one.type.dialect_impl(dialect).bind_processor(dialect)
                for name, one in parameters.items()
            },
            rows=[(name, *_read_columns(dialect, one)) for name, one in self.selects.items()],
        )


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A text as the driver takes it, and how values go in and rows come out."""

    text: str
    constants: Mapping[str, Any]
    processors: Mapping[str, Callable[[Any], Any] | None]
    rows: Sequence[tuple[str, Any, Sequence[Decoder | None]]]

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all parameters as the driver takes them."""
        found = dict(self.constants)
        for name, process in self.processors.items():
            value = values[name]
            found[name] = value if process is None or value is None else process(value)
        return found


def _write_out(element: Any, **_more: Any) -> Any:  # noqa: ANN401 - any element of a statement
    """A constant of ours becomes part of the text; parameters, which have no value yet, stay."""
    if not isinstance(element, sa.BindParameter) or element.value is None:
        return None
    constant = element._clone(maintain_key=True)  # noqa: SLF001 - what SQLAlchemy's own traversal calls
    constant.literal_execute = True
    return constant


def _as_array(dialect: str, query: sa.SelectBase) -> sa.ScalarSelect[Any]:
    rows = query.subquery()
    columns = [_as_json(dialect, column) for column in rows.c]
    if len(columns) > MAX_COLUMNS:
        message = f"{len(columns)} columns are more than one JSON array takes"
        raise ValueError(message)
    if dialect == "postgresql":
        return (
            sa.select(sa.cast(sa.func.json_agg(sa.func.json_build_array(*columns)), sa.Text))
            .select_from(rows)
            .scalar_subquery()
        )
    return (
        sa.select(sa.func.json_group_array(sa.func.json_array(*columns))).select_from(rows).scalar_subquery()
    )


def _as_json(dialect: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as an element of an array; SQLite's JSON has 15 digits of a float, its printf all of them."""
    raw = sa.type_coerce(column, sa.types.NullType())
    if dialect == "sqlite" and isinstance(column.type, sa.Float):
        return sa.case((column.is_(None), None), else_=sa.func.printf(sa.literal_column("'%!.17g'"), raw))
    if (
        dialect == "postgresql"
        and isinstance(column.type, sa.Numeric)
        and not isinstance(column.type, sa.Float)
    ):
        return sa.cast(column, sa.Text)
    return raw


def _decode(dialect: sa.Dialect, query: sa.SelectBase, text: Any) -> list[Any]:  # noqa: ANN401 - JSON, as text or read
    return _decode_with(*_read_columns(dialect, query), text)


def _read_columns(dialect: sa.Dialect, query: sa.SelectBase) -> tuple[Any, Sequence[Decoder | None]]:
    """The shape of a select's rows, and how each value comes out of JSON."""
    columns = query.selected_columns
    shape = _row_shape(tuple(column.key or f"_{at}" for at, column in enumerate(columns)))
    return shape, [_decoder(dialect, column.type) for column in columns]


def _decode_with(shape: Any, decoders: Sequence[Decoder | None], text: Any) -> list[Any]:  # noqa: ANN401 - JSON, as text or read
    rows: Sequence[Sequence[Any]] = (json.loads(text) if isinstance(text, str) else text) or ()
    return [
        shape(*(
            value if decode is None or value is None else decode(value)
            for decode, value in zip(decoders, row, strict=True)
        ))
        for row in rows
    ]  # fmt: skip


@lru_cache(maxsize=500)
def _row_shape(names: tuple[str, ...]) -> Any:  # noqa: ANN401 - a named tuple
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 - made at run time


def _decoder(dialect: sa.Dialect, kind: sa.types.TypeEngine[Any]) -> Decoder | None:
    """How a value of a column comes out of JSON; SQLite's JSON has what is stored, PostgreSQL's a text of it."""
    if dialect.name == "sqlite":
        if isinstance(kind, sa.Float):
            return float
        found: Decoder | None = kind.dialect_impl(dialect).result_processor(dialect, None)
        return found
    while isinstance(kind, sa.types.TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, sa.Enum):
        return kind.dialect_impl(dialect).result_processor(dialect, None)
    return next((decode for known, decode in _POSTGRES_DECODERS.items() if isinstance(kind, known)), None)


_POSTGRES_DECODERS: Mapping[type[sa.types.TypeEngine[Any]], Decoder] = {
    sa.Uuid: UUID,
    sa.DateTime: datetime.fromisoformat,
    sa.Date: date.fromisoformat,
    sa.Float: float,
    sa.Numeric: Decimal,
}


def as_snapshot(model: type[ModelT], row: Any) -> ModelT:  # noqa: ANN401 - a named tuple with the model's columns
    """A record read without the ORM: the columns and properties of its model, to read and not to save."""
    shape: type[Any] = _snapshot_shape(cast("Hashable", model))
    found = shape()
    vars(found).update(row._asdict())
    return cast("ModelT", found)


@lru_cache(maxsize=500)
def _snapshot_shape(model: Any) -> type[Any]:  # noqa: ANN401 - any class
    own = {
        name: value
        for one in reversed(model.__mro__)
        if not one.__module__.startswith(("pydantic", "sqlmodel"))
        for name, value in vars(one).items()
        if isinstance(value, property)
    }
    return type(f"{model.__name__}Snapshot", (), own)


__all__ = ["Rows", "SelectsTogether", "as_snapshot", "read_together"]
