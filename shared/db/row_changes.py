"""What a transaction leaves in the proved tables: a digest of each changed row, for the event that the transaction logs.

The session notes every row that the ORM inserts, updates or deletes. Core statements on a proved table say so themselves:
`note_rows` (the whole rows are known), `note_keys` (read again at the commit), `note_removed`.
`collect_changes` is called once, at the commit, by the event log.

A table is proved when its metadata carries `ProvedTables` and does not leave it out. A digest is the SM3 of the row's
canonical JSON: equal on both databases, and for a row in memory and one that is read back.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction, UOWTransaction
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

PROOFS = "proofs"
NOTES, PENDING_EVENTS, MARKS = "row_notes", "pending_events", "savepoint_marks"
"""Names in the `info` of a session."""
DIGEST = "digest"
"""The key of the digest among a row's stated values."""
_REMOVED, _UNREAD = object(), object()


@dataclass(frozen=True)
class ProvedTables:
    """Which rows of a service the event log proves."""

    unproved: Mapping[str, str] = field(default_factory=dict)
    """Tables that are left out, each with the reason."""
    derived: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Columns that are left out of digests: they follow from others, or tell of transport and not of business."""
    stated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns whose values stand in the log beside the digest, so that a difference can be named."""

    def covers(self, table: sa.Table) -> bool:
        """Whether rows of a table are proved."""
        return table.name not in self.unproved


Rows = Iterable[Mapping[str, Any]]


def get_proofs(table: sa.Table) -> ProvedTables | None:
    """What is declared for the metadata of a table; None when the table is not proved."""
    found: ProvedTables | None = table.metadata.info.get(PROOFS)
    return found if found is not None and found.covers(table) else None


_FORMS: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((Enum,), lambda value: value.value),
    ((bool, int, NoneType), lambda value: value),
    ((datetime,), lambda value: value.astimezone(UTC).isoformat(timespec="microseconds")),
    ((float, Decimal), lambda value: int(value) if value == int(value) else float(value)),
    ((Mapping,), lambda value: {str(key): canonical_value(one) for key, one in value.items()}),
    ((list, tuple, set, frozenset), lambda value: [canonical_value(one) for one in value]),
)


def canonical_value(value: Any) -> Any:  # noqa: ANN401 - any column
    """A column's value as JSON, the same whether it was just assigned or read from either database."""
    for kinds, form in _FORMS:
        if isinstance(value, kinds):
            return form(value)
    return str(value)


def row_key(table: sa.Table, row: Mapping[str, Any]) -> str:
    """The primary key as text; parts are joined by colons."""
    return ":".join(str(canonical_value(row[column.key])) for column in table.primary_key)


def parse_key(table: sa.Table, key: str) -> tuple[Any, ...]:
    """The values of the primary key in a text of `row_key`."""
    columns = list(table.primary_key)
    parts = key.split(":", len(columns) - 1)
    return tuple(
        UUID(part) if isinstance(column.type, sa.Uuid)
        else int(part) if isinstance(column.type, sa.Integer)
        else part
        for column, part in zip(columns, parts, strict=True)
    )  # fmt: skip


def proved_values(table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that its digest covers, as JSON."""
    proofs: ProvedTables = table.metadata.info[PROOFS]
    left_out = proofs.derived.get(table.name, frozenset())
    return {
        column.key: canonical_value(row[column.key]) for column in table.columns if column.key not in left_out
    }


def describe_row(table: sa.Table, row: Mapping[str, Any]) -> str | dict[str, Any]:
    """What the log says of a row: its digest, with the stated values where the table has such columns."""
    proofs: ProvedTables = table.metadata.info[PROOFS]
    values = proved_values(table, row)
    text = json.dumps([table.name, values], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.new("sm3", text.encode()).hexdigest()
    stated = proofs.stated.get(table.name)
    return digest if stated is None else {DIGEST: digest} | {name: values[name] for name in stated}


def _list_notes(session: AsyncSession | Session) -> list[tuple[sa.Table, str, Any]]:
    notes: list[tuple[sa.Table, str, Any]] = session.info.setdefault(NOTES, [])
    return notes


def note_rows(session: AsyncSession, table: sa.Table, rows: Rows) -> None:
    """Core statements left these rows, with all their columns, in a table."""
    if get_proofs(table):
        _list_notes(session).extend((table, row_key(table, row), row) for row in rows)


def note_keys(session: AsyncSession, table: sa.Table, keys: Iterable[Any]) -> None:
    """Core statements changed the rows with these keys (of one column each); they are read again at the commit."""
    if get_proofs(table):
        _list_notes(session).extend((table, str(key), _UNREAD) for key in keys)


def note_removed(session: AsyncSession, table: sa.Table, keys: Iterable[Any]) -> None:
    """Core statements removed the rows with these keys (of one column each)."""
    if get_proofs(table):
        _list_notes(session).extend((table, str(key), _REMOVED) for key in keys)


class TrackedSession(Session):
    """The session of write transactions: notes what the ORM changes, forgets what a savepoint takes back."""


@event.listens_for(TrackedSession, "after_flush")
def _note_flushed(session: Session, _context: UOWTransaction) -> None:
    notes = _list_notes(session)
    for record in (*session.new, *(one for one in session.dirty if session.is_modified(one))):
        table: sa.Table = sa.inspect(type(record)).local_table
        if get_proofs(table):
            notes.append((table, _object_key(table, record), record))
    for record in session.deleted:
        table = sa.inspect(type(record)).local_table
        if get_proofs(table):
            notes.append((table, _object_key(table, record), _REMOVED))


def _object_key(table: sa.Table, record: object) -> str:
    return ":".join(str(canonical_value(getattr(record, one.key))) for one in table.primary_key)


@event.listens_for(TrackedSession, "after_transaction_create")
def _mark_savepoint(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        places = {name: len(session.info.get(name, ())) for name in (NOTES, PENDING_EVENTS)}
        session.info.setdefault(MARKS, {})[transaction] = places


@event.listens_for(TrackedSession, "after_soft_rollback")
def _forget_savepoint(session: Session, previous: SessionTransaction) -> None:
    for name, length in session.info.get(MARKS, {}).pop(previous, {}).items():
        del session.info.get(name, [])[length:]


async def collect_changes(session: AsyncSession) -> dict[str, dict[str, Any]]:
    """Flush, and describe every noted row as it is now: table → key → digest or stated values, None when it is gone."""
    await session.flush()
    notes = {(table.name, key): (table, row) for table, key, row in session.info.pop(NOTES, ())}
    changes: dict[str, dict[str, Any]] = {}
    unread: dict[sa.Table, list[str]] = {}
    for (name, key), (table, row) in notes.items():
        if row is _REMOVED:
            changes.setdefault(name, {})[key] = None
        elif row is _UNREAD or (not isinstance(row, Mapping) and sa.inspect(row).unloaded):
            unread.setdefault(table, []).append(key)
        else:
            values = row if isinstance(row, Mapping) else _ObjectRow(row)
            changes.setdefault(name, {})[key] = describe_row(table, values)
    for table, keys in unread.items():
        changes.setdefault(table.name, {}).update(await _read_rows(session, table, keys))
    return changes


class _ObjectRow(Mapping[str, Any]):
    def __init__(self, record: object) -> None:
        self.record = record

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any column
        return getattr(self.record, name)

    def __iter__(self) -> Any:  # noqa: ANN401 - an iterator of names
        return iter(vars(self.record))

    def __len__(self) -> int:
        return len(vars(self.record))


async def _read_rows(session: AsyncSession, table: sa.Table, keys: list[str]) -> dict[str, Any]:
    (column,) = table.primary_key
    wanted = [parse_key(table, key)[0] for key in keys]
    found: dict[str, Any] = dict.fromkeys(keys)
    connection = await session.connection()
    for start in range(0, len(wanted), 500):
        for row in await connection.execute(sa.select(table).where(column.in_(wanted[start : start + 500]))):
            values = row._asdict()
            found[row_key(table, values)] = describe_row(table, values)
    return found


async def delete_rows(session: AsyncSession, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> None:
    """Delete rows of a table whose key is one column, and note them as removed."""
    (key,) = table.primary_key
    await session.flush()
    connection = await session.connection()
    removed = (await connection.execute(sa.delete(table).where(*conditions).returning(key))).scalars()
    note_removed(session, table, removed)
