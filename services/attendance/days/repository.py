"""Every query over days, and the rows that days are reckoned from: one statement for any number of persons and days."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Source
from services.attendance.days.models import AttendanceDay
from services.attendance.devices.models import Device
from services.attendance.posts.models import Assignment, Post
from services.attendance.reviews.repository import LATEST
from services.attendance.rows import columns, during
from shared.bulk import among, wanted
from shared.db import run
from shared.log import Cursor, beyond, final
from shared.tables import event_log, log_cursor
from shared.work import CHINA

T = TypeVar("T", bound=SQLModel)
Pair = tuple[str, date]
"""A person and a day."""
ONE_AT_A_TIME = 7_062_025
"""The lock of those who reckon: what was read last is written last."""
_SHAPE: dict[str, Any] = {
    "person": sa.String(),
    "on": sa.Date(),
    "back": sa.DateTime(timezone=True),
    "low": sa.DateTime(timezone=True),
    "high": sa.DateTime(timezone=True),
}


def system_sought(session: AsyncSession, pairs: Iterable[Pair], look_back_days: int = 0) -> Any:  # noqa: ANN401 - a FROM element
    """Persons and days to join with; `low` to `high` hold every punch of the day, `back` to `low` those before it."""
    rows = []
    for person, on in pairs:
        low = datetime.combine(on, time(), CHINA).astimezone(UTC)
        back = low - timedelta(days=look_back_days)
        rows.append({"person": person, "on": on, "back": back, "low": low, "high": low + LATEST})
    return wanted(session, _SHAPE, rows)


async def system_one_at_a_time(session: AsyncSession) -> None:
    """Wait until nobody else reckons, until this transaction ends.

    Its statements are planned anew each time: a plan kept from when the tables were small would read them whole.
    """
    if session.get_bind().dialect.name == "postgresql":
        anew = sa.func.set_config("plan_cache_mode", "force_custom_plan", sa.true())
        await run(session, sa.select(sa.func.pg_advisory_xact_lock(ONE_AT_A_TIME), anew))


async def system_postings(
    session: AsyncSession, persons: Collection[str], first: date, last: date
) -> list[sa.Row[Any]]:
    """Where these persons were stationed on any of these days."""
    held, post = columns(Assignment), columns(Post)
    query = (
        sa.select(
            held.person,
            held.person_name,
            held.region,
            held.starts_on,
            held.ends_on,
            held.post_id,
            post.name,
            post.closed_on,
        )
        .join_from(Assignment, Post, post.id == held.post_id)
        .where(among(session, held.person, persons), during(Assignment, first, last))
        .order_by(held.starts_on, held.id)
    )
    return list(await run(session, query))


async def system_lasting(
    session: AsyncSession, table: type[T], persons: Collection[str], first: date, last: date
) -> list[T]:
    """Rows of persons whose time touches these days."""
    mine = among(session, col(table.person), persons)  # type: ignore[attr-defined]
    return list(await session.exec(select(table).where(mine, during(table, first, last))))


async def system_dated(
    session: AsyncSession,
    table: type[T],
    days: Any,  # noqa: ANN401 - of `system_sought`
    column: str = "work_date",
    *,
    lock: bool = False,
) -> list[T]:
    """Rows of persons dated on their days."""
    person, on = col(table.person), col(getattr(table, column))  # type: ignore[attr-defined]
    query = select(table).join(days, sa.and_(person == days.c.person, on == days.c.on))
    return list(await session.exec(query.with_for_update(of=table) if lock else query))


async def system_days(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - of `system_sought`
    """What was reckoned before."""
    day = columns(AttendanceDay)
    query = sa.select(*day).join(days, sa.and_(day.person == days.c.person, day.work_date == days.c.on))
    return list(await run(session, query))


async def system_note(session: AsyncSession, day_id: UUID, noted: dict[str, Any], at: datetime) -> None:
    """Show beside a signed day what came after its signature."""
    day = columns(AttendanceDay)
    changed = {"after_signature": noted, "version": day.version + 1, "updated_at": at}
    await run(session, sa.update(day.id.table).where(day.id == day_id).values(**changed))


async def system_told(session: AsyncSession, cursor: Cursor, limit: int) -> list[sa.Row[Any]]:
    """What the log tells after a place, as far as it concerns days."""
    log = event_log.c
    told = ("person", "work_date", "starts_on", "ends_on", "key", "effective_from", "since")
    query = (
        sa.select(
            log.tx, log.seq, log.type, log.region, *(log.after[name].as_string().label(name) for name in told)
        )
        .where(beyond(cursor), final(session))
        .order_by(log.tx, log.seq)
        .limit(limit)
    )
    return list(await run(session, query))


async def system_prolong(session: AsyncSession, follower: str, attempts: int, until: datetime) -> bool:
    """Keep the lease until then; False when another process has it by now."""
    place = log_cursor.c
    mine = sa.and_(place.subscriber == follower, place.attempts == attempts)
    return (await run(session, log_cursor.update().where(mine).values(due_at=until))).rowcount == 1


async def system_phones(session: AsyncSession, persons: Collection[str]) -> list[sa.Row[Any]]:
    """(person, device, state, since when) of persons' phones."""
    phone = columns(Device)
    wanted = (phone.person, phone.device, phone.state, phone.state_since)
    query = sa.select(*wanted).where(among(session, phone.person, persons))
    return list(await run(session, query))


async def system_due(session: AsyncSession, on: date, *, provisional: bool) -> list[str]:
    """Persons stationed on a day for whom that day was not reckoned yet; those too for whom it may have ripened."""
    day, posting = columns(AttendanceDay), columns(Assignment)
    settled = [day.provisional.is_(False)] if provisional else []
    done = sa.select(day.person).where(day.work_date == on, day.person == posting.person, *settled).exists()
    query = sa.select(posting.person).where(during(Assignment, on, on), ~done).distinct()
    return list((await run(session, query.order_by(posting.person))).scalars())


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
