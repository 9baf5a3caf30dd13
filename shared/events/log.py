"""The event log: each change of business state writes one row here, in the same transaction.

The row is at once outbox (shared/events/outbox_relay.py), feed (feed.py) and audit trail (audit_log.py). Nothing
updates or deletes a row.

Order: on PostgreSQL two transactions may commit in another order than they took their `seq`. A row therefore carries
its transaction's id (plus the epoch's offset, shared/events/epoch.py), readers see it only when no older transaction is
open, and a position is the pair (tx, seq). On SQLite there is one writer; tx is the epoch's offset and seq is the order.

A cursor, as clients hold it, is `epoch.tx.seq`, the numbers in hexadecimal. v0.2.0 gave out `tx.seq`: such a cursor
belongs to the first epoch and is accepted while that lasts, up to the position at which the upgrade began it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock
from shared.auth import NATION_CODE, Actor
from shared.db import Database, bulk_upsert, event_log, execute_core, new_id
from shared.db.row_changes import PENDING_EVENTS, collect_changes
from shared.errors import Gone, Invalid
from shared.events.epoch import (
    LOG_START,
    TX_OFFSET_SQL,
    Cursor,
    Epoch,
    current_epoch_name,
    current_tx,
    find_last_position,
)
from shared.events.event import Envelope, Event
from shared.events.serialization import serialize_columns, serialize_event
from shared.traces import remember_events

MAX_HISTORY_EVENTS = 500
BULK_INSERT_MIN_ROWS = 8
"""From this number of rows on, one parameter carries all of them."""
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
run in another database is left out, so that a service does not wait for its neighbours. An unknown one counts.
"""
FIRST_HIDDEN_TX_SQL = f"({TX_OFFSET_SQL} + {OLDEST_OPEN_TRANSACTION_SQL})"
_CURSOR = re.compile(r"(?:([0-9a-f]{8,16})\.)?([0-9a-f]{1,15})\.([0-9a-f]{1,15})")


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
    """Write one row in the transaction of the change it reports.

    Services do not call this but save through shared/records/save.py. `table` is the model that `before` has columns of;
    None when none of them is money.
    """
    record = EventRecord(event, subject, version, region, recorded_at, before, reason, table)
    await publish_many(session, [record], actor=actor, at=at)


@dataclass(frozen=True)
class EventRecord:
    """The content of one row: the event and the record it is about."""

    event: Event
    subject: str
    version: int
    region: str
    recorded_at: datetime | None = None
    before: dict[str, Any] | None = None
    reason: str = ""
    table: type[SQLModel] | None = None
    """The model that `before` has columns of; None when none of them is money."""


class RecordsSaved(Event):
    """Rows were saved that no other event of their transaction tells of; about the first of them, `records` names all."""

    topic = "records.saved"


async def publish_many(
    session: AsyncSession, records: Sequence[EventRecord], *, actor: Actor, at: datetime
) -> None:
    """Log the changes of one transaction in their order; the rows are written at its commit, with one statement."""
    pending: list[dict[str, Any]] = session.info.setdefault(PENDING_EVENTS, [])
    pending += [
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
            "person": actor.person,
            "records": {},
        }
        for one in records
    ]
    remember_events(row["id"] for row in pending[-len(records) :] if records)


async def write_pending_events(session: AsyncSession) -> None:
    """Write the rows of a transaction that is about to be committed, with what it leaves in the proved tables.

    A changed row is told by the last event about it, else by the last event; without any, by one of its own.
    """
    changes = await collect_changes(session)
    rows: list[dict[str, Any]] = session.info.pop(PENDING_EVENTS, [])
    if changes and not rows:
        rows = [_build_saved_row(next(iter(next(iter(changes.values())))))]
    told = {row["subject"]: row for row in rows}
    for table, keys in changes.items():
        for key, described in keys.items():
            told.get(key, rows[-1])["records"].setdefault(table, {})[key] = described
    if not rows:
        return
    tx = current_tx(session)
    if session.get_bind().dialect.name == "postgresql" and len(rows) >= BULK_INSERT_MIN_ROWS:
        # The lock that the insert takes anyway, taken before the offset is read: no epoch begins in between.
        await execute_core(session, sa.text("LOCK TABLE event_log IN ROW EXCLUSIVE MODE"))
        number = (await execute_core(session, sa.select(tx))).scalar_one()
        await bulk_upsert(session, event_log, [{**row, "tx": number} for row in rows])
    else:
        await execute_core(session, event_log.insert().values(tx=tx), rows if len(rows) > 1 else rows[0])


Database.before_commit.append(write_pending_events)


def _build_saved_row(subject: str) -> dict[str, Any]:
    at = clock.now()
    columns = dict.fromkeys(("on_behalf_of", "device", "reason", "person"), "")
    return columns | {
        "id": new_id(),
        "type": RecordsSaved.topic,
        "subject": subject[:64],
        "subject_version": 0,
        "region": NATION_CODE,
        "actor": "service",
        "recorded_at": at,
        "ingested_at": at,
        "before": {},
        "after": {},
        "records": {},
    }


def is_visible(session: AsyncSession) -> sa.ColumnElement[bool]:
    """Condition: no open transaction can still write a row before this one."""
    if session.get_bind().dialect.name != "postgresql":
        return sa.true()
    return event_log.c.tx < sa.literal_column(FIRST_HIDDEN_TX_SQL, sa.BigInteger)


def after_cursor(cursor: Cursor) -> sa.ColumnElement[bool]:
    """Condition: the row is after a position. PostgreSQL and SQLite answer it by the index."""
    return sa.tuple_(event_log.c.tx, event_log.c.seq) > sa.tuple_(*map(sa.literal, cursor))


def up_to_cursor(cursor: Cursor) -> sa.ColumnElement[bool]:
    """Condition: the row is at a position or before it."""
    return sa.tuple_(event_log.c.tx, event_log.c.seq) <= sa.tuple_(*map(sa.literal, cursor))


async def list_after_cursor(
    session: AsyncSession,
    cursor: Cursor,
    *,
    limit: int = MAX_HISTORY_EVENTS,
    where: Sequence[sa.ColumnElement[bool]] = (),
) -> list[sa.Row[Any]]:
    """Visible rows after a position in their final order: no later call finds a row before these."""
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
    """The position of the last visible row; with a window, of the last one among that many rows after the cursor.

    The rows up to that position are complete, whatever other transactions commit before the next statement.
    """
    places = sa.select(event_log.c.tx, event_log.c.seq).where(after_cursor(cursor), is_visible(session))
    log = event_log.c
    if window is not None:
        nth = places.order_by(log.tx, log.seq).offset(window - 1).limit(1)
        if (found := (await execute_core(session, nth)).first()) is not None:
            return found.tx, found.seq
    last = (await execute_core(session, places.order_by(log.tx.desc(), log.seq.desc()).limit(1))).first()
    return cursor if last is None else (last.tx, last.seq)


def format_cursor(epoch: str, cursor: Cursor) -> str:
    """A cursor as clients hold it: `epoch.tx.seq`."""
    return f"{epoch}.{cursor[0]:x}.{cursor[1]:x}"


def parse_cursor(text: str) -> tuple[str, Cursor]:
    """The epoch and the position in a cursor; the epoch of a cursor of v0.2.0 is empty. Invalid when it is none."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise Invalid("游标无效, 请从头开始读取", "Not a cursor of this feed")
    return found[1] or "", (int(found[2], 16), int(found[3], 16))


async def resolve_cursor(session: AsyncSession, text: str, epoch: Epoch) -> Cursor:
    """The position that a client's cursor names in this log; an empty one names the start.

    Raises Invalid for what is no cursor, Gone for a cursor of another epoch or ahead of the log.
    """
    if not text:
        return LOG_START
    name, position = parse_cursor(text)
    if position == LOG_START:
        return LOG_START
    is_current = name == epoch.name if name else epoch.number == 1 and position <= epoch.after
    if not is_current or position > await find_last_position(session):
        raise Gone(
            "游标不属于现在的事件日志: 系统从备份恢复过, 或迁移过服务器",
            "The cursor is of another epoch of this log, or ahead of it",
            next_step="不带 after 从头读取一次, 按事件的 id 去重, 之后从答复里的 next 继续",
        )
    return position


async def find_last_event(session: AsyncSession, subject: str) -> sa.Row[Any] | None:
    """The newest row about a subject; None when nothing was ever written about it."""
    query = (
        sa.select(event_log).where(event_log.c.subject == subject).order_by(event_log.c.seq.desc()).limit(1)
    )
    return (await execute_core(session, query)).first()


async def list_history(session: AsyncSession, service: str, subject: str) -> list[Envelope]:
    """The first `MAX_HISTORY_EVENTS` events about one record, oldest first. The caller has checked its scope."""
    query = sa.select(event_log, current_epoch_name()).where(event_log.c.subject == subject)
    rows = await execute_core(session, query.order_by(event_log.c.seq).limit(MAX_HISTORY_EVENTS))
    return [to_envelope(service, row, row.epoch) for row in rows]


def to_envelope(service: str, row: sa.Row[Any], epoch: str) -> Envelope:
    """A log row as subscribers and readers see it, its position as a cursor of the current epoch."""
    values = row._asdict()
    for name in ("epoch", "records"):
        values.pop(name, None)
    cursor = format_cursor(epoch, (values.pop("tx"), values.pop("seq")))
    return Envelope(service=service, cursor=cursor, **values)
