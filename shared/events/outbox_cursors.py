"""How far each subscriber has read the event log, who is delivering to it now, and what it refused.

A lease is `due_at` in the future; `attempts` fences it: what a lease that ran out still wants to write is dropped.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import dead_letter, event_log, execute_core, log_cursor
from shared.events.log import LOG_START, Cursor, after_cursor, format_cursor

DEAD_LETTER_PAGE_SIZE = 200
MAX_COUNTED_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class SubscriberCursor:
    """A subscriber's row as it was read; `attempts` names the lease."""

    subscriber: str
    cursor: Cursor
    attempts: int
    failures: int
    refusals: int
    due_at: datetime


@dataclass
class CursorUpdate:
    """What a delivery changes: where the subscriber stands, when it is tried again, what is parked or forgotten."""

    cursor: Cursor
    due_at: datetime
    failures: int = 0
    refusals: int = 0
    last_error: str = ""
    parked: list[tuple[int, str, str]] = field(default_factory=list)
    """(seq, subject, error) of newly parked rows; the error is empty when one only stands behind another."""
    delivered: list[tuple[int, str]] = field(default_factory=list)
    """(seq, subject) of parked rows that arrived after all."""
    abandoned: tuple[int, str, str] | None = None
    """(seq, subject, error) of the parked row that was asked for again and refused again."""


class CursorRead(BaseModel):
    """一个订阅者读到哪里: position, rows still waiting, failures and parked events."""

    subscriber: str
    cursor: str
    waiting: int
    parked: int
    failures: int
    due_at: datetime
    last_error: str


class DeadLetterRead(BaseModel):
    """一条搁置的事件: refused by its subscriber, or standing behind one that was."""

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
    """An insert that does nothing when the row is there already, and returns its key when it was not."""
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = insert_postgres(table) if postgres else insert_sqlite(table)
    return insert.values(values).on_conflict_do_nothing().returning(*table.primary_key)


async def subscribe(session: AsyncSession, subscribers: Collection[str], at: datetime) -> None:
    """Give each subscriber a row at the beginning of the log, unless it has one."""
    for subscriber in subscribers:
        row = {"subscriber": subscriber, "tx": LOG_START[0], "seq": LOG_START[1], "due_at": at}
        await execute_core(session, insert_once(session, log_cursor, row))


async def find_cursor(session: AsyncSession, subscriber: str) -> SubscriberCursor | None:
    """Where a subscriber stands."""
    row = (
        await execute_core(session, sa.select(log_cursor).where(log_cursor.c.subscriber == subscriber))
    ).first()
    if row is None:
        return None
    return SubscriberCursor(
        subscriber, (row.tx, row.seq), row.attempts, row.failures, row.refusals, row.due_at
    )


async def acquire_lease(session: AsyncSession, seen: SubscriberCursor, until: datetime) -> bool:
    """Take the lease; False when another relay took it or moved the cursor since it was read."""
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


async def commit_delivery(
    session: AsyncSession, claimed: SubscriberCursor, result: CursorUpdate, at: datetime
) -> bool:
    """Write what a delivery changed and end the lease; False, and nothing written, when the lease had run out."""
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
        # What was parked behind these after the operator asked follows them.
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
    """Those of the subjects that have a parked event, so that later ones must wait behind it."""
    if not subjects:
        return set()
    query = (
        sa.select(dead_letter.c.subject)
        .where(dead_letter.c.subscriber == subscriber, dead_letter.c.subject.in_(subjects))
        .distinct()
    )
    return set((await execute_core(session, query)).scalars())


async def list_retry_requested(session: AsyncSession, subscriber: str, limit: int) -> Sequence[sa.Row[Any]]:
    """Log rows of parked events that an operator wants delivered again, in their order."""
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
    """A subscriber's parked events by number, after the last one seen."""
    dead = dead_letter.c
    query = (
        sa.select(dead_letter, event_log.c.type)
        .join(event_log, event_log.c.seq == dead.seq)
        .where(dead.subscriber == subscriber, dead.seq > after)
        .order_by(dead.seq)
        .limit(limit)
    )
    return [DeadLetterRead.model_validate(row._asdict()) for row in await execute_core(session, query)]


async def request_retry(session: AsyncSession, subscriber: str, subject: str = "") -> int:
    """Ask for parked events again, of one subject or all, each subject from its first; how many there are.

    The relay delivers them under its lease, so that nothing overtakes them.
    """
    query = dead_letter.update().where(dead_letter.c.subscriber == subscriber)
    if subject:
        query = query.where(dead_letter.c.subject == subject)
    return int((await execute_core(session, query.values(retry=True))).rowcount)


async def request_recent_retry(session: AsyncSession, subscriber: str, since: datetime) -> None:
    """Ask again for the parked events of every subject whose first was parked since then."""
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
    """Wait no longer: the next try is due now, unless one is under way."""
    columns = log_cursor.c
    hold = log_cursor.update().where(columns.subscriber == subscriber, columns.failures > 0)
    await execute_core(session, hold.values(due_at=at, failures=0, refusals=0))


async def rewind(session: AsyncSession, subscriber: str, cursor: Cursor, at: datetime) -> None:
    """Deliver again everything after a position; a delivery under way loses its lease."""
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
    """Drop a subscriber's parked events after a position: they are about to be read again, or nobody waits for them."""
    later = sa.select(event_log.c.seq).where(after_cursor(cursor))
    dead = dead_letter.c
    await execute_core(
        session, dead_letter.delete().where(dead.subscriber == subscriber, dead.seq.in_(later))
    )


async def unsubscribe(session: AsyncSession, subscriber: str) -> None:
    """Forget where a subscriber stands and what it refused; a delivery under way loses its lease."""
    await purge_dead_letters(session, subscriber)
    await execute_core(session, log_cursor.delete().where(log_cursor.c.subscriber == subscriber))


async def get_status(session: AsyncSession, subscriber: str) -> tuple[sa.Row[Any] | None, int]:
    """A subscriber's row and how many events are parked for it."""
    row = (
        await execute_core(session, sa.select(log_cursor).where(log_cursor.c.subscriber == subscriber))
    ).first()
    counted = sa.select(sa.func.count()).where(dead_letter.c.subscriber == subscriber)
    return row, int((await execute_core(session, counted)).scalar_one())


async def count_pending(session: AsyncSession, cursor: Cursor, *where: sa.ColumnElement[bool]) -> int:
    """How many rows after a position satisfy the conditions, counted up to `COUNTED`."""
    rows = sa.select(event_log.c.seq).where(after_cursor(cursor), *where).limit(MAX_COUNTED_EVENTS)
    return int(
        (await execute_core(session, sa.select(sa.func.count()).select_from(rows.subquery()))).scalar_one()
    )


async def list_cursors(session: AsyncSession, wanted: Callable[[str], Collection[str]]) -> list[CursorRead]:
    """Every subscriber of this log and how much of what it wants still waits, counted up to `COUNTED`."""
    tally = sa.select(dead_letter.c.subscriber, sa.func.count().label("parked")).group_by(
        dead_letter.c.subscriber
    )
    parked = {row.subscriber: row.parked for row in await execute_core(session, tally)}
    found = []
    for row in (await execute_core(session, sa.select(log_cursor).order_by(log_cursor.c.subscriber))).all():
        topics = wanted(row.subscriber)
        conditions = [event_log.c.type.in_(topics)] if topics else []
        found.append(
            CursorRead(
                subscriber=row.subscriber,
                cursor=format_cursor((row.tx, row.seq)),
                waiting=await count_pending(session, (row.tx, row.seq), *conditions),
                parked=parked.get(row.subscriber, 0),
                failures=row.failures,
                due_at=row.due_at,
                last_error=row.last_error,
            )
        )
    return found
