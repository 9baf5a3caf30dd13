"""The event log: every change of business state writes one row here, in the same transaction.

The row is the outbox, the feed, the sync and the audit trail at once (outbox_relay.py, feed.py, audit_log.py beside this file).
Nothing updates or deletes a row.

Order: on PostgreSQL two transactions may commit in another order than they took their `seq`. Rows therefore carry the
transaction's id, readers see a row only when no older transaction is still open, and a cursor is the pair (tx, seq).
On SQLite there is one writer; tx is 0 and seq is the order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Actor
from shared.db import bulk_upsert, event_log, execute_core, new_id
from shared.errors import Invalid
from shared.events.event import Envelope, Event
from shared.events.serialization import serialize_columns, serialize_event

Cursor = tuple[int, int]
LOG_START: Cursor = (0, 0)
MAX_HISTORY_EVENTS = 500
BULK_INSERT_MIN_ROWS = 8
"""From so many rows on they go in one parameter."""
OLDEST_OPEN_TRANSACTION_SQL = """(
    SELECT least(
        coalesce(min(open::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint),
        pg_current_xact_id_if_assigned()::text::bigint)
    FROM pg_snapshot_xip(pg_current_snapshot()) AS open
    WHERE NOT EXISTS (
        SELECT FROM pg_stat_activity AS other
        WHERE other.backend_xid = open::xid
        AND other.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())))"""
"""The oldest transaction that may still write here. A snapshot lists those of the whole server; one that is known to
run in another database cannot, so that a service does not wait for its neighbours. What is not known is waited for.
"""
_CURSOR = re.compile(r"([0-9a-f]{1,15})\.([0-9a-f]{1,15})")


async def publish(
    session: AsyncSession,
    event: Event,
    *,
    actor: Actor,
    subject: str,
    version: int,
    region: str,
    at: datetime,
    recorded_at: datetime | None = None,
    table: type[SQLModel] | None = None,
    before: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write one row; it is there if and only if the change beside it is.

    Services do not call this but save through shared/records/save.py. `table` is the model that `before` has columns of;
    None when none of them is money.
    """
    told = EventRecord(event, subject, version, region, recorded_at, before, reason, table)
    await publish_many(session, [told], actor=actor, at=at)


@dataclass(frozen=True)
class EventRecord:
    """One row to be: the event and whom it is about."""

    event: Event
    subject: str
    version: int
    region: str
    recorded_at: datetime | None = None
    before: dict[str, Any] | None = None
    reason: str = ""
    table: type[SQLModel] | None = None
    """The model that `before` has columns of; None when none of them is money."""


async def publish_many(
    session: AsyncSession, told: Sequence[EventRecord], *, actor: Actor, at: datetime
) -> None:
    """The same for many changes of one transaction, in one statement and in their order."""
    postgres = session.get_bind().dialect.name == "postgresql"
    tx: Any = sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger) if postgres else 0
    rows = [
        {
            "id": new_id(),
            "type": one.event.topic,
            "subject": one.subject,
            "subject_version": one.version,
            "region": one.region,
            "actor": actor.id,
            "on_behalf_of": actor.on_behalf_of,
            "device": actor.device,
            "reason": one.reason,
            "recorded_at": one.recorded_at or at,
            "ingested_at": at,
            "before": serialize_columns(one.table, one.before) if one.before else {},
            "after": serialize_event(one.event),
        }
        for one in told
    ]
    if postgres and len(rows) >= BULK_INSERT_MIN_ROWS:
        number = (await execute_core(session, sa.select(tx))).scalar_one()
        await bulk_upsert(session, event_log, [{**row, "tx": number} for row in rows])
    elif rows:
        await execute_core(session, event_log.insert().values(tx=tx), rows if len(rows) > 1 else rows[0])


def is_visible(session: AsyncSession) -> sa.ColumnElement[bool]:
    """True of a row that no older open transaction can still be put before."""
    if session.get_bind().dialect.name != "postgresql":
        return sa.true()
    return event_log.c.tx < sa.literal_column(OLDEST_OPEN_TRANSACTION_SQL, sa.BigInteger)


def after_cursor(cursor: Cursor) -> sa.ColumnElement[bool]:
    """True of a row after a cursor, in a form the index serves."""
    return sa.tuple_(event_log.c.tx, event_log.c.seq) > sa.tuple_(*map(sa.literal, cursor))


def up_to_cursor(cursor: Cursor) -> sa.ColumnElement[bool]:
    """True of the row at a cursor and all before it."""
    return sa.tuple_(event_log.c.tx, event_log.c.seq) <= sa.tuple_(*map(sa.literal, cursor))


async def list_after_cursor(
    session: AsyncSession,
    cursor: Cursor,
    *,
    limit: int = MAX_HISTORY_EVENTS,
    where: Sequence[sa.ColumnElement[bool]] = (),
) -> list[sa.Row[Any]]:
    """Rows after a cursor in their final order; none can appear before these later."""
    query = (
        sa.select(event_log)
        .where(after_cursor(cursor), is_visible(session), *where)
        .order_by(event_log.c.tx, event_log.c.seq)
        .limit(limit)
    )
    return list(await execute_core(session, query))


async def last_visible_cursor(
    session: AsyncSession, cursor: Cursor = LOG_START, *, window: int | None = None
) -> Cursor:
    """Position of the last final row; with a window, of the last among that many rows after the cursor.

    Rows up to a head read first are complete, whatever is committed between that statement and the next.
    """
    places = sa.select(event_log.c.tx, event_log.c.seq).where(after_cursor(cursor), is_visible(session))
    log = event_log.c
    if window is not None:
        nth = places.order_by(log.tx, log.seq).offset(window - 1).limit(1)
        if (found := (await execute_core(session, nth)).first()) is not None:
            return found.tx, found.seq
    last = (await execute_core(session, places.order_by(log.tx.desc(), log.seq.desc()).limit(1))).first()
    return cursor if last is None else (last.tx, last.seq)


def format_cursor(cursor: Cursor) -> str:
    """A cursor as clients hold it."""
    return f"{cursor[0]:x}.{cursor[1]:x}"


def parse_cursor(text: str) -> Cursor:
    """The cursor a client gives back; empty is the beginning. Invalid when it is not one of ours."""
    if not text:
        return LOG_START
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise Invalid("游标无效, 请从头开始读取", "Not a cursor of this feed")
    return int(found[1], 16), int(found[2], 16)


async def list_history(session: AsyncSession, service: str, subject: str) -> list[Envelope]:
    """What happened to one record, oldest first, at most `VIEW_LIMIT` events; its scope must have been asked before."""
    query = sa.select(event_log).where(event_log.c.subject == subject).order_by(event_log.c.seq)
    return [to_envelope(service, row) for row in await execute_core(session, query.limit(MAX_HISTORY_EVENTS))]


def to_envelope(service: str, row: sa.Row[Any]) -> Envelope:
    """A log row as others see it."""
    values = row._asdict()
    cursor = format_cursor((values.pop("tx"), values.pop("seq")))
    return Envelope(service=service, cursor=cursor, **values)
