"""The position of each subscriber in the event log, the lease of its delivery, and the events it refused.

`due_at` in the future is a lease, or the end of a back-off. `attempts` fences the lease: a delivery whose lease ran out
cannot write its result. Positions are of this log alone and need no epoch: they are restored together with it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import dead_letter, event_log, execute_core, log_cursor
from shared.events.epoch import LOG_START, Cursor, get_epoch
from shared.events.log import after_cursor, format_cursor, is_visible, up_to_cursor

DEAD_LETTER_PAGE_SIZE = 200
MAX_COUNTED_EVENTS = 10_000

DeliveryState = Literal["delivered", "waiting", "parked", "retrying"]


@dataclass(frozen=True, slots=True)
class SubscriberCursor:
    """A subscriber's row as read; `attempts` identifies the lease."""

    subscriber: str
    cursor: Cursor
    attempts: int
    failures: int
    refusals: int
    due_at: datetime


@dataclass
class CursorUpdate:
    """The result of a delivery: the new position, the time of the next try, events parked and delivered."""

    cursor: Cursor
    due_at: datetime
    failures: int = 0
    refusals: int = 0
    last_error: str = ""
    parked: list[tuple[int, str, str]] = field(default_factory=list)
    """(seq, subject, error) of newly parked rows; no error when a row only waits behind another of its subject."""
    delivered: list[tuple[int, str]] = field(default_factory=list)
    """(seq, subject) of parked rows that were delivered."""
    abandoned: tuple[int, str, str] | None = None
    """(seq, subject, error) of the parked row that was retried and refused again."""


class CursorRead(BaseModel):
    """一个订阅者的进度: position, number of rows that wait, failures and parked events."""

    subscriber: str
    cursor: str
    waiting: int
    parked: int
    failures: int
    due_at: datetime
    last_error: str


class DeliveryRead(BaseModel):
    """一个事件送到没有: its place in the log, and what became of it with one subscriber."""

    seq: int
    type: str
    subject: str
    recorded_at: datetime
    state: DeliveryState = Field(
        description="delivered 已送达, waiting 待送, parked 被拒收而搁置, retrying 搁置后已要求重送"
    )
    error: str = Field(description="搁置的原因; 空: 没有搁置, 或排在同一记录被拒收的事件之后")


class DeadLetterRead(BaseModel):
    """一条搁置的事件: refused by its subscriber, or behind a refused one of the same subject."""

    subscriber: str
    seq: int
    type: str
    subject: str
    error: str
    parked_at: datetime
    retry: bool


def insert_once(
    session: AsyncSession, table: sa.Table, values: dict[str, Any] | list[dict[str, Any]]
) -> sa.Executable:
    """An insert that returns the key of the new row, or does nothing when the key exists."""
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = insert_postgres(table) if postgres else insert_sqlite(table)
    return insert.values(values).on_conflict_do_nothing().returning(*table.primary_key)


async def subscribe(session: AsyncSession, subscribers: Collection[str], at: datetime) -> None:
    """Insert a row at the start of the log for each subscriber that has none."""
    for subscriber in subscribers:
        row = {"subscriber": subscriber, "tx": LOG_START[0], "seq": LOG_START[1], "due_at": at}
        await execute_core(session, insert_once(session, log_cursor, row))


async def find_cursor(session: AsyncSession, subscriber: str) -> SubscriberCursor | None:
    """A subscriber's row; None before its first subscription."""
    row = (
        await execute_core(session, sa.select(log_cursor).where(log_cursor.c.subscriber == subscriber))
    ).first()
    if row is None:
        return None
    return SubscriberCursor(
        subscriber, (row.tx, row.seq), row.attempts, row.failures, row.refusals, row.due_at
    )


async def acquire_lease(session: AsyncSession, seen: SubscriberCursor, until: datetime) -> bool:
    """Take the lease; False when another relay took it or moved the cursor after `seen` was read."""
    columns = log_cursor.c
    taken = await execute_core(
        session,
        log_cursor.update()
        .where(
            columns.subscriber == seen.subscriber,
            columns.attempts == seen.attempts,
            sa.tuple_(columns.tx, columns.seq) == sa.tuple_(*map(sa.literal, seen.cursor)),
        )
        .values(attempts=seen.attempts + 1, due_at=until),
    )
    return taken.rowcount == 1


async def extend_lease(session: AsyncSession, claimed: SubscriberCursor, until: datetime) -> bool:
    """Hold the lease longer; False when it ran out and another process took it."""
    columns = log_cursor.c
    held = log_cursor.update().where(
        columns.subscriber == claimed.subscriber, columns.attempts == claimed.attempts + 1
    )
    return (await execute_core(session, held.values(due_at=until))).rowcount == 1


async def commit_delivery(
    session: AsyncSession, claimed: SubscriberCursor, result: CursorUpdate, at: datetime
) -> bool:
    """Write a delivery's result and end the lease; False, with nothing written, when the lease ran out."""
    columns = log_cursor.c
    written = await execute_core(
        session,
        log_cursor.update()
        .where(columns.subscriber == claimed.subscriber, columns.attempts == claimed.attempts + 1)
        .values(
            tx=result.cursor[0],
            seq=result.cursor[1],
            due_at=result.due_at,
            failures=result.failures,
            refusals=result.refusals,
            last_error=result.last_error,
        ),
    )
    if written.rowcount != 1:
        return False
    dead, mine = dead_letter, dead_letter.c.subscriber == claimed.subscriber
    for seq, subject, error in result.parked:
        row = {
            "subscriber": claimed.subscriber,
            "seq": seq,
            "subject": subject,
            "error": error,
            "parked_at": at,
        }
        await execute_core(session, insert_once(session, dead, row))
    if result.delivered:
        seqs, subjects = zip(*result.delivered, strict=True)
        await execute_core(session, dead.delete().where(mine, dead.c.seq.in_(seqs)))
        # Events parked behind these after the operator's request are retried, too.
        await execute_core(
            session, dead.update().where(mine, dead.c.subject.in_(subjects)).values(retry=True)
        )
    if result.abandoned is not None:
        seq, subject, error = result.abandoned
        await execute_core(session, dead.update().where(mine, dead.c.seq == seq).values(error=error))
        await execute_core(session, dead.update().where(mine, dead.c.subject == subject).values(retry=False))
    return True


async def find_blocked_subjects(
    session: AsyncSession, subscriber: str, subjects: Collection[str]
) -> set[str]:
    """Those of the subjects that have a parked event: their later events must wait behind it."""
    if not subjects:
        return set()
    query = (
        sa.select(dead_letter.c.subject)
        .where(dead_letter.c.subscriber == subscriber, dead_letter.c.subject.in_(subjects))
        .distinct()
    )
    return set((await execute_core(session, query)).scalars())


async def list_retry_requested(session: AsyncSession, subscriber: str, limit: int) -> Sequence[sa.Row[Any]]:
    """Log rows of parked events that an operator asked to deliver again, in order."""
    query = (
        sa.select(event_log)
        .join(dead_letter, dead_letter.c.seq == event_log.c.seq)
        .where(dead_letter.c.subscriber == subscriber, dead_letter.c.retry)
        .order_by(event_log.c.tx, event_log.c.seq)
        .limit(limit)
    )
    return (await execute_core(session, query)).all()


async def list_dead_letters(
    session: AsyncSession, subscriber: str, after: int = 0, limit: int = DEAD_LETTER_PAGE_SIZE
) -> list[DeadLetterRead]:
    """A page of a subscriber's parked events ordered by `seq`, after a `seq`."""
    dead = dead_letter.c
    query = (
        sa.select(dead_letter, event_log.c.type)
        .join(event_log, event_log.c.seq == dead.seq)
        .where(dead.subscriber == subscriber, dead.seq > after)
        .order_by(dead.seq)
        .limit(limit)
    )
    return [DeadLetterRead.model_validate(row._asdict()) for row in await execute_core(session, query)]


async def list_deliveries(
    session: AsyncSession, subscriber: str, since: datetime, limit: int, *where: sa.ColumnElement[bool]
) -> list[DeliveryRead]:
    """The newest rows that satisfy the conditions and were recorded since then, and what became of each.

    Looks at the last `MAX_COUNTED_EVENTS` rows of the log; a parked row is told whenever it was recorded.
    """
    cursor, dead = await find_cursor(session, subscriber), dead_letter.c
    log, place = event_log.c, (event_log.c.tx.desc(), event_log.c.seq.desc())
    recent = sa.select(log.seq).order_by(*place).limit(MAX_COUNTED_EVENTS).subquery()
    is_sent = up_to_cursor(cursor.cursor if cursor else LOG_START)
    state = sa.case(
        (dead.retry, "retrying"), (dead.seq.is_not(None), "parked"), (is_sent, "delivered"), else_="waiting"
    )
    error = sa.func.coalesce(dead.error, "").label("error")
    query = (
        sa.select(log.seq, log.type, log.subject, log.recorded_at, state.label("state"), error)
        .outerjoin(dead_letter, sa.and_(dead.subscriber == subscriber, dead.seq == log.seq))
        .where(
            sa.or_(
                dead.seq.is_not(None), sa.and_(log.seq.in_(sa.select(recent.c.seq)), log.recorded_at >= since)
            ),
            is_visible(session),
            *where,
        )
        .order_by(*place)
        .limit(limit)
    )
    return [DeliveryRead.model_validate(row._asdict()) for row in await execute_core(session, query)]


async def request_retry(session: AsyncSession, subscriber: str, subject: str = "") -> int:
    """Mark parked events of one subject, or of all, for another delivery; the number of events marked.

    The relay delivers them in order under its lease.
    """
    query = dead_letter.update().where(dead_letter.c.subscriber == subscriber)
    if subject:
        query = query.where(dead_letter.c.subject == subject)
    return int((await execute_core(session, query.values(retry=True))).rowcount)


async def request_recent_retry(session: AsyncSession, subscriber: str, since: datetime) -> None:
    """Mark parked events for another delivery: those of subjects whose first event was parked after `since`."""
    dead = dead_letter.c
    young = (
        sa.select(dead.subject)
        .where(dead.subscriber == subscriber)
        .group_by(dead.subject)
        .having(sa.func.min(dead.parked_at) >= since)
    )
    mine = dead_letter.update().where(dead.subscriber == subscriber, dead.subject.in_(young))
    await execute_core(session, mine.values(retry=True))


async def retry_now(session: AsyncSession, subscriber: str, at: datetime) -> None:
    """End a back-off: the next try is due now."""
    columns = log_cursor.c
    hold = log_cursor.update().where(columns.subscriber == subscriber, columns.failures > 0)
    await execute_core(session, hold.values(due_at=at, failures=0, refusals=0))


async def rewind(session: AsyncSession, subscriber: str, cursor: Cursor, at: datetime) -> None:
    """Move the cursor back, so that all rows after it are delivered again; a delivery under way loses its lease."""
    columns = log_cursor.c
    await execute_core(
        session,
        log_cursor.update()
        .where(columns.subscriber == subscriber)
        .values(
            tx=cursor[0],
            seq=cursor[1],
            attempts=columns.attempts + 1,
            failures=0,
            refusals=0,
            due_at=at,
            last_error="",
        ),
    )


async def purge_dead_letters(session: AsyncSession, subscriber: str, cursor: Cursor = LOG_START) -> None:
    """Delete a subscriber's parked events after a position, before a replay or the end of a subscription."""
    later = sa.select(event_log.c.seq).where(after_cursor(cursor))
    dead = dead_letter.c
    await execute_core(
        session, dead_letter.delete().where(dead.subscriber == subscriber, dead.seq.in_(later))
    )


async def unsubscribe(session: AsyncSession, subscriber: str) -> None:
    """Delete a subscriber's row and parked events; a delivery under way loses its lease."""
    await purge_dead_letters(session, subscriber)
    await execute_core(session, log_cursor.delete().where(log_cursor.c.subscriber == subscriber))


async def get_status(session: AsyncSession, subscriber: str) -> tuple[sa.Row[Any] | None, int]:
    """A subscriber's row and the number of its parked events."""
    row = (
        await execute_core(session, sa.select(log_cursor).where(log_cursor.c.subscriber == subscriber))
    ).first()
    counted = sa.select(sa.func.count()).where(dead_letter.c.subscriber == subscriber)
    return row, int((await execute_core(session, counted)).scalar_one())


async def count_pending(session: AsyncSession, cursor: Cursor, *where: sa.ColumnElement[bool]) -> int:
    """The number of rows after a position that satisfy the conditions, at most `MAX_COUNTED_EVENTS`."""
    rows = sa.select(event_log.c.seq).where(after_cursor(cursor), *where).limit(MAX_COUNTED_EVENTS)
    return int(
        (await execute_core(session, sa.select(sa.func.count()).select_from(rows.subquery()))).scalar_one()
    )


async def has_delivered_after(
    session: AsyncSession, subscriber: SubscriberCursor, received: Cursor, topics: Collection[str]
) -> bool:
    """Whether rows of these topics after a position count as delivered, though the subscriber's inbox ends there."""
    parked = sa.select(dead_letter.c.seq).where(dead_letter.c.subscriber == subscriber.subscriber)
    query = sa.select(event_log.c.seq).where(
        after_cursor(received),
        up_to_cursor(subscriber.cursor),
        event_log.c.type.in_(topics),
        event_log.c.seq.not_in(parked),
    )
    return (await execute_core(session, query.limit(1))).first() is not None


async def list_cursors(session: AsyncSession, wanted: Callable[[str], Collection[str]]) -> list[CursorRead]:
    """Each subscriber of this log with the number of wanted rows that wait, at most `MAX_COUNTED_EVENTS`."""
    tally = sa.select(dead_letter.c.subscriber, sa.func.count().label("parked")).group_by(
        dead_letter.c.subscriber
    )
    parked = {row.subscriber: row.parked for row in await execute_core(session, tally)}
    found, epoch = [], await get_epoch(session)
    for row in (await execute_core(session, sa.select(log_cursor).order_by(log_cursor.c.subscriber))).all():
        topics = wanted(row.subscriber)
        conditions = [event_log.c.type.in_(topics)] if topics else []
        found.append(
            CursorRead(
                subscriber=row.subscriber,
                cursor=format_cursor(epoch.name, (row.tx, row.seq)),
                waiting=await count_pending(session, (row.tx, row.seq), *conditions),
                parked=parked.get(row.subscriber, 0),
                failures=row.failures,
                due_at=row.due_at,
                last_error=row.last_error,
            )
        )
    return found
