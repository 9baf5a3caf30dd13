"""Queries on reviews, and on check-ins as evidence of days."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import CheckInSource
from services.attendance.repository import visible_rows
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns
from shared.db import execute_core, in_list
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_DAY_LENGTH = timedelta(hours=36)
"""From local midnight: a day ends at `day_starts_hour` of the next day, which is 12 at most."""
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
    """Loosest anomaly thresholds of the rules involved: they preselect rows, the exact rules decide later."""

    look_back_days: int
    same_place_days: int
    same_second_days: int
    precise_m: float
    precise_days: int


async def list_check_ins(work: UnitOfWork, review: Review) -> list[CheckIn]:
    """Returns visible check-ins of the day under review, by time."""
    query = select(CheckIn).where(
        CheckIn.person == review.person, CheckIn.work_date == review.work_date, visible_rows(work, CheckIn)
    )
    return list(await work.session.exec(query.order_by(col(CheckIn.taken_at)).limit(200)))


async def system_list_check_ins(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - from `system_build_days_table`
    """Returns the check-ins of the days, by time."""
    check_in = get_columns(CheckIn)
    query = sa.select(*(check_in[name] for name in _EVIDENCE_COLUMNS)).join(days, _is_of_day(check_in, days))
    return list(await execute_core(session, query.order_by(check_in.taken_at, check_in.id)))


async def system_list_previous_check_ins(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - from `system_build_days_table`
    """Returns the last check-in with a position before each day, with the day as `for_day`."""
    check_in, earlier = get_columns(CheckIn), aliased(CheckIn)
    last = (
        sa.select(col(earlier.id))
        .where(
            col(earlier.person) == days.c.person,
            col(earlier.taken_at) >= days.c.back,
            col(earlier.taken_at) < days.c.high,
            col(earlier.work_date) < days.c.on,
            col(earlier.lon).is_not(None),
            col(earlier.coarse).is_(False),
            col(earlier.source) != CheckInSource.BOSS,
        )
        .order_by(col(earlier.taken_at).desc())
        .limit(1)
        .correlate(days)
        .scalar_subquery()
    )
    query = sa.select(*(check_in[name] for name in _EVIDENCE_COLUMNS), days.c.on.label("for_day"))
    query = query.select_from(days.join(check_in.id.table, check_in.id == last))
    return list(await execute_core(session, query))


async def system_list_suspects(session: AsyncSession, days: Any, bounds: EvidenceBounds) -> list[str]:  # noqa: ANN401 - from `system_build_days_table`
    """Returns persons whose check-ins may show an anomaly over several days: a superset of those that do."""
    current, past = get_columns(CheckIn), aliased(CheckIn)
    same_place = sa.and_(
        sa.func.abs(current.lon - col(past.lon)) < 2e-6,  # noqa: PLR2004 - the last of six decimals
        sa.func.abs(current.lat - col(past.lat)) < 2e-6,  # noqa: PLR2004 - the same
    )
    same_second = _second_of_day(session, current.taken_at) == _second_of_day(session, col(past.taken_at))
    precise = col(past.accuracy_m) < bounds.precise_m

    def count_days(condition: sa.ColumnElement[bool]) -> Any:  # noqa: ANN401 - an expression
        return sa.func.count(sa.distinct(sa.case((condition, col(past.work_date)))))

    query = (
        sa.select(current.person)
        .join(days, _is_of_day(current, days))
        .join(
            past,
            sa.and_(
                col(past.person) == current.person,
                col(past.taken_at) >= days.c.back,
                col(past.taken_at) < days.c.high,
            ),
        )
        .group_by(current.person, current.id, days.c.on)
        .having(
            sa.or_(
                count_days(same_place) >= bounds.same_place_days,
                count_days(same_second) >= bounds.same_second_days,
                count_days(precise) >= bounds.precise_days,
            )
        )
    )
    return list((await execute_core(session, query)).scalars().unique())


async def system_list_history(
    session: AsyncSession, persons: Collection[str], since: date, last: date
) -> list[sa.Row[Any]]:
    """Returns the persons' check-ins of a period of days, by time."""
    check_in = get_columns(CheckIn)
    low = datetime.combine(since, time(), CHINA_TIME_ZONE)
    query = sa.select(*(check_in[name] for name in _EVIDENCE_COLUMNS)).where(
        in_list(session, check_in.person, persons),
        check_in.taken_at.between(low, datetime.combine(last, time(), CHINA_TIME_ZONE) + MAX_DAY_LENGTH),
    )
    return list(await execute_core(session, query.order_by(check_in.taken_at, check_in.id)))


async def system_list_shared_device_users(
    session: AsyncSession, devices: Collection[str], since: datetime, until: datetime, limit: int
) -> list[tuple[str, str, datetime]]:
    """Returns (device, person, time) of check-ins with those of the devices that several persons used in the period."""
    row = get_columns(CheckIn)
    in_period = sa.and_(in_list(session, row.device, devices), row.taken_at.between(since, until))
    shared_query = (
        sa.select(row.device)
        .where(in_period)
        .group_by(row.device)
        .having(sa.func.min(row.person) != sa.func.max(row.person))
    )
    shared_devices = list((await execute_core(session, shared_query)).scalars())
    if not shared_devices:
        return []
    query = (
        sa.select(row.device, row.person, row.taken_at)
        .where(in_list(session, row.device, shared_devices), row.taken_at.between(since, until))
        .limit(limit)
    )
    return [(row.device, row.person, row.taken_at) for row in await execute_core(session, query)]


def _is_of_day(check_in: Any, days: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - columns and a FROM element
    """Join condition of check-ins and days: the time range uses the index, `work_date` decides."""
    return sa.and_(
        check_in.person == days.c.person,
        check_in.taken_at >= days.c.low,
        check_in.taken_at < days.c.high,
        check_in.work_date == days.c.on,
    )


def _second_of_day(session: AsyncSession, at: Any) -> Any:  # noqa: ANN401 - expressions
    """SQL expression: second of the day, 0 to 86399 (UTC)."""
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(sa.func.floor(sa.extract("epoch", at)), sa.BigInteger) % 86400
    return sa.cast(sa.func.strftime("%s", at), sa.Integer) % 86400
