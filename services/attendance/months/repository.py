"""Every sum over days."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayResult
from services.attendance.months.lifecycle import SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.posts.models import Assignment
from services.attendance.repository import visible_rows
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns, overlaps_days
from services.attendance.teams.models import Team
from shared.auth import May, region_bounds
from shared.china import list_days, month_bounds
from shared.db import execute_core
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

DAY_COLUMNS = get_columns(AttendanceDay)
MAX_SHEET_ROWS = 5000
"""Rows of one sheet: more persons than any town has."""


def _count_if(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(sa.case((condition, 1), else_=0)), sa.Integer)


def _sum_column(column: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(column), sa.Integer)


_FIGURE_COLUMNS = {
    "persons": sa.func.count(sa.distinct(DAY_COLUMNS.person)),
    "halves": _sum_column(DAY_COLUMNS.halves),
    "leave_halves": _sum_column(DAY_COLUMNS.leave_halves),
    **{str(one): _count_if(DAY_COLUMNS.result == one) for one in DayResult if one is not DayResult.LEAVE},
    "workdays": _count_if(DAY_COLUMNS.works.is_(True)),
    "provisional": _count_if(DAY_COLUMNS.provisional.is_(True)),
    "after_signature": _count_if(sa.cast(DAY_COLUMNS.after_signature, sa.Text) != "{}"),
}
_GROUP_KEYS: dict[str, Any] = {
    "person": DAY_COLUMNS.person,
    "team": DAY_COLUMNS.team_id,
    "village": DAY_COLUMNS.region,
    "town": sa.func.substr(DAY_COLUMNS.region, 1, 9),
}


async def list_tallies(work: UnitOfWork, region: str, months: Sequence[str], by: str) -> list[dict[str, Any]]:
    """Days counted per person, team, village or town of a region, in the order of their names and codes, never of figures."""
    key = _GROUP_KEYS[by]
    extra = [sa.func.min(DAY_COLUMNS.region).label("region")]
    if by == "person":
        extra += [
            sa.func.max(DAY_COLUMNS.person_name).label("name"),
            sa.func.max(sa.cast(DAY_COLUMNS.team_id, sa.String)).label("team"),
        ]
    query = (
        sa.select(key.label("key"), *extra, *(figure.label(name) for name, figure in _FIGURE_COLUMNS.items()))
        .where(
            DAY_COLUMNS.month.in_(list(months)),
            DAY_COLUMNS.region.between(*region_bounds(region)),
            visible_rows(work, AttendanceDay),
        )
        .group_by(key)
        .order_by(sa.func.min(DAY_COLUMNS.region), key)
        .limit(MAX_SHEET_ROWS)
    )
    return [dict(row._mapping) for row in await execute_core(work.session, query)]  # noqa: SLF001 - SQLAlchemy's public name


async def get_total_tally(work: UnitOfWork, region: str, months: Sequence[str]) -> dict[str, Any]:
    """The same for the whole region in one row."""
    query = sa.select(*(figure.label(name) for name, figure in _FIGURE_COLUMNS.items())).where(
        DAY_COLUMNS.month.in_(list(months)),
        DAY_COLUMNS.region.between(*region_bounds(region)),
        visible_rows(work, AttendanceDay),
    )
    return dict((await execute_core(work.session, query)).one()._mapping)  # noqa: SLF001 - SQLAlchemy's public name


async def list_team_names(work: UnitOfWork, region: str) -> dict[str, str]:
    """Teams of a region by id, within what the caller sees."""
    query = select(Team).where(col(Team.region).between(*region_bounds(region)), visible_rows(work, Team))
    return {str(team.id): team.name for team in await work.session.exec(query)}


async def list_day_results(work: UnitOfWork, region: str, month: str) -> list[Any]:
    """(person, day, result, provisional) of a month, for the report's day columns."""
    query = (
        sa.select(DAY_COLUMNS.person, DAY_COLUMNS.work_date, DAY_COLUMNS.result, DAY_COLUMNS.provisional)
        .where(
            DAY_COLUMNS.month == month,
            DAY_COLUMNS.region.between(*region_bounds(region)),
            visible_rows(work, AttendanceDay),
        )
        .order_by(DAY_COLUMNS.person, DAY_COLUMNS.work_date)
    )
    return list(await execute_core(work.session, query))


async def find_sheet(work: UnitOfWork, region: str, month: str, *, lock: bool = False) -> MonthSheet | None:
    """The sheet of exactly this region and month, if there is one."""
    query = select(MonthSheet).where(
        MonthSheet.region == region, MonthSheet.month == month, visible_rows(work, MonthSheet)
    )
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def find_signed_sheet(work: UnitOfWork, region: str, month: str) -> MonthSheet | None:
    """A signed sheet of the region or of one that contains it."""
    query = select(MonthSheet).where(
        col(MonthSheet.region).in_(ancestor_codes(region)),
        MonthSheet.month == month,
        MonthSheet.state == SheetState.SIGNED,
    )
    return (await work.session.exec(query.order_by(col(MonthSheet.region)).limit(1))).first()


async def update_frozen(work: UnitOfWork, region: str, month: str, *, frozen: bool) -> None:
    """Freeze a region's month, or let it go."""
    table: Any = AttendanceDay.__table__  # type: ignore[attr-defined]
    where = (
        DAY_COLUMNS.month == month,
        DAY_COLUMNS.region.between(*region_bounds(region)),
        visible_rows(work, AttendanceDay),
    )
    await execute_core(work.session, sa.update(table).where(*where).values(frozen=frozen, updated_at=work.at))


async def list_unsettled_days(work: UnitOfWork, region: str, month: str) -> dict[str, list[date]]:
    """The days of a month, up to today, on which somebody was stationed in a region and that are not settled yet."""
    first, last = month_bounds(month)
    last = min(last, work.today)
    query = select(Assignment).where(
        col(Assignment.region).between(*region_bounds(region)),
        overlaps_days(Assignment, first, last),
        work.actor.scope_filter(May.PRESENCE_READ, col(Assignment.region)),
    )
    found: dict[str, set[date]] = defaultdict(set)
    for one in await work.session.exec(query):
        found[one.person].update(list_days(max(first, one.starts_on), min(last, one.ends_on or last)))
    for row in await list_day_results(work, region, month):
        if not row.provisional:
            found[row.person].discard(row.work_date)
    return {person: sorted(days) for person, days in found.items() if days}


async def list_person_days(work: UnitOfWork, region: str, month: str) -> dict[str, list[date]]:
    """The days of a month by person, to be reckoned anew."""
    found: dict[str, list[date]] = {}
    for row in await list_day_results(work, region, month):
        found.setdefault(row.person, []).append(row.work_date)
    return found


async def list_own_days(work: UnitOfWork, first: date, last: date) -> list[AttendanceDay]:
    """The caller's own days of a time, in order."""
    query = select(AttendanceDay).where(
        AttendanceDay.person == work.actor.id,
        col(AttendanceDay.work_date).between(first, last),
        visible_rows(work, AttendanceDay),
    )
    return list(await work.session.exec(query.order_by(col(AttendanceDay.work_date))))


async def list_own_reviews(work: UnitOfWork, first: date, last: date) -> dict[date, Review]:
    """Reviews of the caller's own days of a time."""
    query = select(Review).where(
        Review.person == work.actor.id, col(Review.work_date).between(first, last), visible_rows(work, Review)
    )
    return {one.work_date: one for one in await work.session.exec(query)}
