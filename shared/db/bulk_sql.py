"""Bulk statements: many rows in one JSON parameter on PostgreSQL, so that the statement is the same for any number.

await bulk_upsert(session, table, rows)                                          # insert
await bulk_upsert(session, table, rows, key=("person", "day"), unless="frozen")  # insert, or update where not frozen
pairs = values_table(session, {"person": sa.String(), "on": sa.Date()}, rows)    # rows to join, as a FROM element
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.engine import execute_core

Rows = Sequence[Mapping[str, Any]]
IMMUTABLE_COLUMNS = frozenset({"id", "created_at", "created_by"})


async def bulk_upsert(
    session: AsyncSession, table: sa.Table, rows: Rows, *, key: Collection[str] = (), unless: str = ""
) -> None:
    """Insert rows with equal columns: all columns of the table without a database default.

    With `key` (columns of a unique index), an existing row is updated and its `version` incremented, unless its column
    `unless` is true.
    """
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        statement = _upsert_statement(table, tuple(rows[0]), tuple(key), unless)
        await execute_core(session, statement, {"rows": to_json([dict(row) for row in rows]).decode()})
        return
    insert = insert_sqlite(table)
    if key:
        updates: dict[str, Any] = {
            name: insert.excluded[name] for name in rows[0] if name not in {*key, *IMMUTABLE_COLUMNS}
        }
        updates["version"] = table.c.version + 1
        where = sa.not_(table.c[unless]) if unless else None
        insert = insert.on_conflict_do_update(index_elements=list(key), set_=updates, where=where)
    await execute_core(session, insert, [dict(row) for row in rows])


@cache
def _upsert_statement(
    table: sa.Table, names: tuple[str, ...], key: tuple[str, ...], unless: str
) -> sa.Executable:
    sent = (
        sa.func.jsonb_to_recordset(sa.cast(sa.bindparam("rows", type_=sa.Text), JSONB))
        .table_valued(*(sa.column(name, table.c[name].type) for name in names))
        .render_derived(name="sent", with_types=True)
    )
    insert = insert_postgres(table).from_select(names, sa.select(*(sent.c[name] for name in names)))
    if not key:
        return insert
    updates: dict[str, Any] = {
        name: insert.excluded[name] for name in names if name not in {*key, *IMMUTABLE_COLUMNS}
    }
    updates["version"] = table.c.version + 1
    where = sa.not_(table.c[unless]) if unless else None
    return insert.on_conflict_do_update(index_elements=list(key), set_=updates, where=where)


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
