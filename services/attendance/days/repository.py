"""Every query over days, and the rows that days are reckoned from."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Source
from services.attendance.days.models import AttendanceDay
from services.attendance.posts.models import Assignment, Post
from services.attendance.rows import columns, during
from shared.cursors import insert_once
from shared.db import run
from shared.log import Cursor
from shared.tables import log_cursor

T = TypeVar("T", bound=SQLModel)
FOLLOWER = "itself:days"
"""This service's own place in its log."""


async def system_place(session: AsyncSession, at: datetime) -> Cursor | None:
    """How far the log was followed, locked for this transaction; None while another process is at it."""
    row = {"subscriber": FOLLOWER, "tx": 0, "seq": 0, "due_at": at}
    await run(session, insert_once(session, log_cursor, row))
    query = sa.select(log_cursor.c.tx, log_cursor.c.seq).where(log_cursor.c.subscriber == FOLLOWER)
    found = (await run(session, query.with_for_update(skip_locked=True))).first()
    return None if found is None else (found.tx, found.seq)


async def system_move_on(session: AsyncSession, cursor: Cursor) -> None:
    """The log was followed to here."""
    place = {"tx": cursor[0], "seq": cursor[1]}
    await run(session, log_cursor.update().where(log_cursor.c.subscriber == FOLLOWER).values(**place))


async def system_postings(
    session: AsyncSession, persons: Sequence[str], first: date, last: date
) -> list[tuple[Assignment, Post]]:
    """Where these persons were stationed on any of these days."""
    query = (
        select(Assignment, Post)
        .join(Post, col(Post.id) == Assignment.post_id)
        .where(col(Assignment.person).in_(persons), during(Assignment, first, last))
        .order_by(col(Assignment.starts_on), col(Assignment.id))
    )
    return list(await session.exec(query))


async def system_lasting(
    session: AsyncSession, table: type[T], persons: Sequence[str], first: date, last: date
) -> list[T]:
    """Rows of persons whose time touches these days."""
    query = select(table).where(col(table.person).in_(persons), during(table, first, last))  # type: ignore[attr-defined]
    return list(await session.exec(query))


async def system_dated(
    session: AsyncSession,
    table: type[T],
    persons: Sequence[str],
    first: date,
    last: date,
    column: str = "work_date",
) -> list[T]:
    """Rows of persons dated on these days."""
    on = col(getattr(table, column))
    query = select(table).where(col(table.person).in_(persons), on.between(first, last))  # type: ignore[attr-defined]
    return list(await session.exec(query.order_by(on)))


async def system_of(session: AsyncSession, table: type[T], persons: Sequence[str]) -> list[T]:
    """All rows of persons."""
    query = select(table).where(col(table.person).in_(persons)).order_by(col(table.created_at))  # type: ignore[attr-defined]
    return list(await session.exec(query))


async def system_users(
    session: AsyncSession, devices: Iterable[str], since: datetime, until: datetime
) -> list[tuple[str, str, datetime]]:
    """(device, person, when) of every check-in with these phones in a time."""
    row = columns(CheckIn)
    query = sa.select(row.device, row.person, row.taken_at).where(
        row.device.in_(list(devices)), row.taken_at.between(since, until)
    )
    return [(one.device, one.person, one.taken_at) for one in await run(session, query)]


async def system_due(session: AsyncSession, on: date, limit: int) -> list[str]:
    """Persons stationed on a day for whom that day was not reckoned yet, or may have ripened."""
    day, posting = columns(AttendanceDay), columns(Assignment)
    done = (
        sa.select(day.person)
        .where(day.work_date == on, day.person == posting.person, day.provisional.is_(False))
        .exists()
    )
    query = (
        sa.select(posting.person)
        .where(posting.starts_on <= on, sa.or_(posting.ends_on.is_(None), posting.ends_on >= on), ~done)
        .distinct()
        .order_by(posting.person)
        .limit(limit)
    )
    return list((await run(session, query)).scalars())


async def system_coarsen(session: AsyncSession, region: tuple[str, str], before: date, limit: int) -> int:
    """Take the detail away from places recorded in a span of regions before a day; how many rows."""
    row = columns(CheckIn)
    old = (
        sa.select(row.id)
        .where(row.region.between(*region), row.work_date < before, row.coarse.is_(False))
        .limit(limit)
    )
    coarser: dict[str, Any] = {
        "lon": sa.func.round(sa.cast(row.lon, sa.Numeric), 2),
        "lat": sa.func.round(sa.cast(row.lat, sa.Numeric), 2),
        "fix": {},
        "coarse": True,
        # What another system wrote about the place is its address.
        "remark": sa.case((row.source == Source.SYSTEM, ""), else_=row.remark),
    }
    table = CheckIn.__table__  # type: ignore[attr-defined]
    done = await run(session, sa.update(table).where(row.id.in_(old)).values(**coarser))
    return done.rowcount
