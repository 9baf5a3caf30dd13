"""Bulk statements: many rows in one JSON parameter on PostgreSQL, so that the statement is the same for any number.

On SQLite the rows are handed to the driver as tuples: SQLAlchemy's preparation of a row costs more than its insert.

await bulk_upsert(session, table, rows)                                          # insert
await bulk_upsert(session, table, rows, key=("person", "day"), unless="frozen")  # insert, or update where not frozen
pairs = values_table(session, {"person": sa.String(), "on": sa.Date()}, rows)    # rows to join, as a FROM element
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import UTCDateTime
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.engine import execute_core

Rows = Sequence[Mapping[str, Any]]
Finish = Callable[[Any], Any]
Encoder = Callable[[Any], Any]
SQLITE = sqlite.dialect()
IMMUTABLE_COLUMNS = frozenset({"id", "created_at", "created_by"})


async def bulk_upsert(
    session: AsyncSession, table: sa.Table, rows: Rows, *, key: Collection[str] = (), unless: str = ""
) -> None:
    """Insert rows with equal columns: all columns of the table without a database default.

    With `key` (columns of a unique index), an existing row is updated and its `version` incremented, unless its column
    `unless` is true.
    """
    await bulk_insert(
        session, table, rows, _add_upsert(table, tuple(rows[0]) if rows else (), tuple(key), unless)
    )


async def bulk_insert(session: AsyncSession, table: sa.Table, rows: Rows, finish: Finish) -> None:
    """Insert rows with equal columns; `finish` completes the INSERT, for example by its ON CONFLICT.

    The statement is kept for each `finish`, which must therefore be the same function each time.
    """
    if not rows:
        return
    names = tuple(rows[0])
    if session.get_bind().dialect.name == "postgresql":
        statement = _postgres_insert(table, names, finish)
        await execute_core(session, statement, {"rows": to_json([dict(row) for row in rows]).decode()})
        return
    await send_sqlite_rows(session, _sqlite_insert(table, finish), rows)


@cache
def _add_upsert(table: sa.Table, names: tuple[str, ...], key: tuple[str, ...], unless: str) -> Finish:
    def finish(insert: Any) -> Any:  # noqa: ANN401 - the insert of either dialect
        if not key:
            return insert
        updates: dict[str, Any] = {
            name: insert.excluded[name] for name in names if name not in {*key, *IMMUTABLE_COLUMNS}
        }
        updates["version"] = table.c.version + 1
        where = sa.not_(table.c[unless]) if unless else None
        return insert.on_conflict_do_update(index_elements=list(key), set_=updates, where=where)

    return finish


@cache
def _postgres_insert(table: sa.Table, names: tuple[str, ...], finish: Finish) -> sa.Executable:
    sent = (
        sa.func.jsonb_to_recordset(sa.cast(sa.bindparam("rows", type_=sa.Text), JSONB))
        .table_valued(*(sa.column(name, table.c[name].type) for name in names))
        .render_derived(name="sent", with_types=True)
    )
    columns = sa.select(*(sent.c[name] for name in names)).where(sa.true())
    made: sa.Executable = finish(insert_postgres(table).from_select(names, columns))
    return made


@cache
def _sqlite_insert(table: sa.Table, finish: Finish) -> Any:  # noqa: ANN401 - SQLite's insert
    return finish(insert_sqlite(table))


async def send_sqlite_rows(session: AsyncSession, insert: Any, rows: Rows) -> None:  # noqa: ANN401 - SQLite's insert
    """Send an INSERT of SQLite, the same object each time, with many rows of equal columns; it returns nothing."""
    text, encoders, fixed = _compile_row(insert, tuple(rows[0]))
    parameters = [
        tuple([row[name] if encode is None else encode(row[name]) for name, encode in encoders])
        for row in (({**row, **fixed} for row in rows) if fixed else rows)
    ]
    await (await session.connection()).exec_driver_sql(text, parameters)


@cache
def _compile_row(
    insert: Any,  # noqa: ANN401 - SQLite's insert
    names: tuple[str, ...],
) -> tuple[str, list[tuple[str, Encoder | None]], dict[str, Any]]:
    """The text, its parameters in order with what the driver needs done to them, and those that no row has."""
    compiled = insert.compile(dialect=SQLITE, column_keys=list(names))
    if compiled.insert_prefetch:
        raise TypeError(f"rows must bring {[one.name for one in compiled.insert_prefetch]}")
    order = compiled.positiontup or []
    fixed = {name: compiled.params[name] for name in order if name not in names}
    return str(compiled), [(name, _find_encoder(compiled.binds[name].type)) for name in order], fixed


def _find_encoder(kind: sa.types.TypeEngine[Any]) -> Encoder | None:
    if isinstance(kind, UTCDateTime):
        return _encode_time
    if isinstance(kind, sa.JSON):
        return _encode_json
    encoder: Encoder | None = kind.dialect_impl(SQLITE).bind_processor(SQLITE)
    return encoder


def _encode_json(value: Any) -> str:  # noqa: ANN401 - any JSON
    return to_json(value).decode()


@lru_cache(maxsize=1024)  # most times of a batch are the same one
def _encode_time(value: datetime | None) -> str | None:
    """A time as SQLAlchemy stores it on SQLite: UTC, without zone."""
    return None if value is None else value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def values_table(session: AsyncSession, columns: Mapping[str, sa.types.TypeEngine[Any]], rows: Rows) -> Any:  # noqa: ANN401 - a FROM element
    """Rows as a FROM element in one parameter; datetimes are formatted as the database stores them."""
    if session.get_bind().dialect.name == "postgresql":
        value = sa.bindparam(None, to_json(list(rows)).decode(), type_=sa.Text, unique=True)
        return (
            sa.func.jsonb_to_recordset(sa.cast(value, JSONB))
            .table_valued(*(sa.column(name, kind) for name, kind in columns.items()))
            .render_derived(with_types=True)
        )
    value = sa.bindparam(
        None, to_json([_to_sqlite_json(row) for row in rows]).decode(), type_=sa.Text, unique=True
    )
    each = sa.func.json_each(value).table_valued("value")
    return sa.select(
        *(
            sa.type_coerce(sa.func.json_extract(each.c.value, f"$.{name}"), kind).label(name)
            for name, kind in columns.items()
        )
    ).subquery()


def in_list(session: AsyncSession, column: Any, values: Collection[str]) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column
    """SQL condition: the column as text is one of the values, in one parameter."""
    text = to_json(list(values)).decode()
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(column, sa.Text) == sa.any_(
            sa.bindparam(None, list(values), type_=postgresql.ARRAY(sa.Text), unique=True)
        )
    each = sa.func.json_each(sa.bindparam(None, text, type_=sa.Text, unique=True)).table_valued("value")
    condition: sa.ColumnElement[bool] = column.in_(sa.select(each.c.value))
    return condition


def _to_sqlite_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with datetimes in SQLite's format: UTC, without zone."""
    return {
        name: value.strftime("%Y-%m-%d %H:%M:%S.%f") if hasattr(value, "hour") else value
        for name, value in row.items()
    }
