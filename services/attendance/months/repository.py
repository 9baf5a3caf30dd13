"""Every sum over days."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.days.kinds import DayResult
from services.attendance.days.models import AttendanceDay
from services.attendance.months.lifecycle import SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.posts.models import Assignment
from services.attendance.repository import seen
from services.attendance.rows import columns, during
from services.attendance.teams.models import Team
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work
from shared.workdays import each_day, month_span

DAY = columns(AttendanceDay)
MOST = 5000
"""Rows of one sheet: more persons than any town has."""


def _when(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(sa.case((condition, 1), else_=0)), sa.Integer)


def _sum(column: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(column), sa.Integer)


_FIGURES = {
    "persons": sa.func.count(sa.distinct(DAY.person)),
    "halves": _sum(DAY.halves),
    "leave_halves": _sum(DAY.leave_halves),
    **{str(one): _when(DAY.result == one) for one in DayResult if one is not DayResult.LEAVE},
    "workdays": _when(DAY.works.is_(True)),
    "provisional": _when(DAY.provisional.is_(True)),
    "after_signature": _when(sa.cast(DAY.after_signature, sa.Text) != "{}"),
}
_KEYS: dict[str, Any] = {
    "person": DAY.person,
    "team": DAY.team_id,
    "village": DAY.region,
    "town": sa.func.substr(DAY.region, 1, 9),
}


async def tallies(work: Work, region: str, months: Sequence[str], by: str) -> list[dict[str, Any]]:
    """Days counted per person, team, village or town of a region, in the order of their names and codes, never of figures."""
    key = _KEYS[by]
    extra = [sa.func.min(DAY.region).label("region")]
    if by == "person":
        extra += [
            sa.func.max(DAY.person_name).label("name"),
            sa.func.max(sa.cast(DAY.team_id, sa.String)).label("team"),
        ]
    query = (
        sa.select(key.label("key"), *extra, *(figure.label(name) for name, figure in _FIGURES.items()))
        .where(DAY.month.in_(list(months)), DAY.region.between(*span(region)), seen(work, AttendanceDay))
        .group_by(key)
        .order_by(sa.func.min(DAY.region), key)
        .limit(MOST)
    )
    return [dict(row._mapping) for row in await run(work.session, query)]  # noqa: SLF001 - SQLAlchemy's public name


async def total(work: Work, region: str, months: Sequence[str]) -> dict[str, Any]:
    """The same for the whole region in one row."""
    query = sa.select(*(figure.label(name) for name, figure in _FIGURES.items())).where(
        DAY.month.in_(list(months)), DAY.region.between(*span(region)), seen(work, AttendanceDay)
    )
    return dict((await run(work.session, query)).one()._mapping)  # noqa: SLF001 - SQLAlchemy's public name


async def team_names(work: Work, region: str) -> dict[str, str]:
    """Teams of a region by id, within what the caller sees."""
    query = select(Team).where(col(Team.region).between(*span(region)), seen(work, Team))
    return {str(team.id): team.name for team in await work.session.exec(query)}


async def grid(work: Work, region: str, month: str) -> list[Any]:
    """(person, day, result, provisional) of a month, for the report's day columns."""
    query = (
        sa.select(DAY.person, DAY.work_date, DAY.result, DAY.provisional)
        .where(DAY.month == month, DAY.region.between(*span(region)), seen(work, AttendanceDay))
        .order_by(DAY.person, DAY.work_date)
    )
    return list(await run(work.session, query))


async def sheet(work: Work, region: str, month: str, *, lock: bool = False) -> MonthSheet | None:
    """The sheet of exactly this region and month, if there is one."""
    query = select(MonthSheet).where(
        MonthSheet.region == region, MonthSheet.month == month, seen(work, MonthSheet)
    )
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def signed_over(work: Work, region: str, month: str) -> MonthSheet | None:
    """A signed sheet of the region or of one that contains it."""
    query = select(MonthSheet).where(
        col(MonthSheet.region).in_(lineage(region)),
        MonthSheet.month == month,
        MonthSheet.state == SheetState.SIGNED,
    )
    return (await work.session.exec(query.order_by(col(MonthSheet.region)).limit(1))).first()


async def freeze(work: Work, region: str, month: str, *, frozen: bool) -> None:
    """Freeze a region's month, or let it go."""
    table: Any = AttendanceDay.__table__  # type: ignore[attr-defined]
    where = (DAY.month == month, DAY.region.between(*span(region)), seen(work, AttendanceDay))
    await run(work.session, sa.update(table).where(*where).values(frozen=frozen, updated_at=work.at))


async def unsettled(work: Work, region: str, month: str) -> dict[str, list[date]]:
    """The days of a month, up to today, on which somebody was stationed in a region and that are not settled yet."""
    first, last = month_span(month)
    last = min(last, work.today)
    query = select(Assignment).where(
        col(Assignment.region).between(*span(region)),
        during(Assignment, first, last),
        work.actor.where(May.PRESENCE_READ, col(Assignment.region)),
    )
    found: dict[str, set[date]] = defaultdict(set)
    for one in await work.session.exec(query):
        found[one.person].update(each_day(max(first, one.starts_on), min(last, one.ends_on or last)))
    for row in await grid(work, region, month):
        if not row.provisional:
            found[row.person].discard(row.work_date)
    return {person: sorted(days) for person, days in found.items() if days}


async def persons(work: Work, region: str, month: str) -> dict[str, list[date]]:
    """The days of a month by person, to be reckoned anew."""
    found: dict[str, list[date]] = {}
    for row in await grid(work, region, month):
        found.setdefault(row.person, []).append(row.work_date)
    return found
