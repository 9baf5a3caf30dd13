"""Every query over reviews, and check-ins as the evidence of days."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Source
from services.attendance.repository import visible_rows
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns
from shared.db import execute_core, in_list
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_DAY_LENGTH = timedelta(hours=36)
"""A day's punches are made before noon of the day after: the hour at which days begin is twelve at most."""
_EVIDENCE_COLUMNS = (
    "id",
    "person",
    "work_date",
    "taken_at",
    "source",
    "result",
    "verdict",
    "distance_m",
    "flags",
    "remark",
    "post_id",
    "device",
    "lon",
    "lat",
    "coarse",
    "accuracy_m",
    "mock",
)


@dataclass(frozen=True)
class EvidenceBounds:
    """From how many days before up, and how much of anything, evidence may be odd: the widest of the rules concerned."""

    look_back_days: int
    same_place_days: int
    same_second_days: int
    precise_m: float
    precise_days: int


async def list_check_ins(work: UnitOfWork, review: Review) -> list[CheckIn]:
    """The check-ins of the day under review, within what the caller sees."""
    query = select(CheckIn).where(
        CheckIn.person == review.person, CheckIn.work_date == review.work_date, visible_rows(work, CheckIn)
    )
    return list(await work.session.exec(query.order_by(col(CheckIn.taken_at)).limit(200)))


async def system_list_check_ins(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - of `system_sought`
    """The check-ins of the days, in their order."""
    tap = get_columns(CheckIn)
    query = sa.select(*(tap[name] for name in _EVIDENCE_COLUMNS)).join(days, _is_of_day(tap, days))
    return list(await execute_core(session, query.order_by(tap.taken_at, tap.id)))


async def system_list_previous_check_ins(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - of `system_sought`
    """The last check-in with a place before each of the days, with the day as `for_day`."""
    tap, earlier = get_columns(CheckIn), aliased(CheckIn)
    last = (
        sa.select(col(earlier.id))
        .where(
            col(earlier.person) == days.c.person,
            col(earlier.taken_at) >= days.c.back,
            col(earlier.taken_at) < days.c.high,
            col(earlier.work_date) < days.c.on,
            col(earlier.lon).is_not(None),
            col(earlier.coarse).is_(False),
            col(earlier.source) != Source.BOSS,
        )
        .order_by(col(earlier.taken_at).desc())
        .limit(1)
        .correlate(days)
        .scalar_subquery()
    )
    query = sa.select(*(tap[name] for name in _EVIDENCE_COLUMNS), days.c.on.label("for_day"))
    query = query.select_from(days.join(tap.id.table, tap.id == last))
    return list(await execute_core(session, query))


async def system_list_suspects(session: AsyncSession, days: Any, bounds: EvidenceBounds) -> list[str]:  # noqa: ANN401 - of `system_sought`
    """Persons whose check-ins of these days may be odd beside those before: at least all for whom they are."""
    now, then = get_columns(CheckIn), aliased(CheckIn)
    here = sa.and_(
        sa.func.abs(now.lon - col(then.lon)) < 2e-6,  # noqa: PLR2004 - the last of six decimals
        sa.func.abs(now.lat - col(then.lat)) < 2e-6,  # noqa: PLR2004 - the same
    )
    at_once = _second_of_day(session, now.taken_at) == _second_of_day(session, col(then.taken_at))
    exact = col(then.accuracy_m) < bounds.precise_m

    def on_days(condition: sa.ColumnElement[bool]) -> Any:  # noqa: ANN401 - an expression
        return sa.func.count(sa.distinct(sa.case((condition, col(then.work_date)))))

    query = (
        sa.select(now.person)
        .join(days, _is_of_day(now, days))
        .join(
            then,
            sa.and_(
                col(then.person) == now.person,
                col(then.taken_at) >= days.c.back,
                col(then.taken_at) < days.c.high,
            ),
        )
        .group_by(now.person, now.id, days.c.on)
        .having(
            sa.or_(
                on_days(here) >= bounds.same_place_days,
                on_days(at_once) >= bounds.same_second_days,
                on_days(exact) >= bounds.precise_days,
            )
        )
    )
    return list((await execute_core(session, query)).scalars().unique())


async def system_list_history(
    session: AsyncSession, persons: Collection[str], since: date, last: date
) -> list[sa.Row[Any]]:
    """Check-ins of persons from a day to another."""
    tap = get_columns(CheckIn)
    low = datetime.combine(since, time(), CHINA_TIME_ZONE)
    query = sa.select(*(tap[name] for name in _EVIDENCE_COLUMNS)).where(
        in_list(session, tap.person, persons),
        tap.taken_at.between(low, datetime.combine(last, time(), CHINA_TIME_ZONE) + MAX_DAY_LENGTH),
    )
    return list(await execute_core(session, query.order_by(tap.taken_at, tap.id)))


async def system_list_shared_device_users(
    session: AsyncSession, devices: Collection[str], since: datetime, until: datetime, limit: int
) -> list[tuple[str, str, datetime]]:
    """(device, person, when) of check-ins with those of these phones that several persons used in a time."""
    row = get_columns(CheckIn)
    used = sa.and_(in_list(session, row.device, devices), row.taken_at.between(since, until))
    several = (
        sa.select(row.device)
        .where(used)
        .group_by(row.device)
        .having(sa.func.min(row.person) != sa.func.max(row.person))
    )
    shared = list((await execute_core(session, several)).scalars())
    if not shared:
        return []
    query = (
        sa.select(row.device, row.person, row.taken_at)
        .where(in_list(session, row.device, shared), row.taken_at.between(since, until))
        .limit(limit)
    )
    return [(one.device, one.person, one.taken_at) for one in await execute_core(session, query)]


def _is_of_day(tap: Any, days: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - columns and a FROM element
    """By the index on person and time; the day itself decides."""
    return sa.and_(
        tap.person == days.c.person,
        tap.taken_at >= days.c.low,
        tap.taken_at < days.c.high,
        tap.work_date == days.c.on,
    )


def _second_of_day(session: AsyncSession, at: Any) -> Any:  # noqa: ANN401 - expressions
    """The second of the day."""
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(sa.func.floor(sa.extract("epoch", at)), sa.BigInteger) % 86400
    return sa.cast(sa.func.strftime("%s", at), sa.Integer) % 86400
