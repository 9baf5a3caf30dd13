"""Sums over days, and queries on month sheets."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayResult
from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.months.lifecycle import SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.months.schemas import HeldDay
from services.attendance.posts.models import Assignment
from services.attendance.repository import visible_rows
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns, overlaps_days
from services.attendance.teams.models import Team
from shared.auth import May
from shared.china import list_days, month_bounds
from shared.db import execute_core, in_list, note_keys
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

DAY_COLUMNS = get_columns(AttendanceDay)
MAX_SHEET_ROWS = 5000
"""Rows of one sheet; no town has more persons."""
MAX_HELD_DAYS = 200
"""Provisional days that a month names."""


def _count_if(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    """SQL expression: number of rows that meet the condition."""
    return sa.cast(sa.func.sum(sa.case((condition, 1), else_=0)), sa.Integer)


def _sum_column(column: Any) -> Any:  # noqa: ANN401 - column expressions
    """SQL expression: integer sum."""
    return sa.cast(sa.func.sum(column), sa.Integer)


_FIGURE_COLUMNS = {
    "persons": sa.func.count(sa.distinct(DAY_COLUMNS.person)),
    "halves": _sum_column(DAY_COLUMNS.halves),
    "leave_halves": _sum_column(DAY_COLUMNS.leave_halves),
    **{
        str(result): _count_if(DAY_COLUMNS.result == result)
        for result in DayResult
        if result is not DayResult.LEAVE
    },
    "workdays": _count_if(DAY_COLUMNS.works.is_(True)),
    "provisional": _count_if(DAY_COLUMNS.provisional.is_(True)),
    "after_signature": _count_if(sa.cast(DAY_COLUMNS.after_signature, sa.Text) != "{}"),
}
_PLACE_DIGITS = {"village": 12, "town": 9}
_GROUP_KEYS: dict[str, Any] = {
    "person": DAY_COLUMNS.person,
    "team": DAY_COLUMNS.team_id,
    "group": DAY_COLUMNS.group_id,
}


def _in_months(
    work: UnitOfWork, region: str, months: Sequence[str], group_id: UUID | None
) -> list[sa.ColumnElement[bool]]:
    """SQL conditions: visible days of a region's months, with `group_id` those of the group."""
    conditions = [
        DAY_COLUMNS.month.in_(list(months)),
        work.within_region(DAY_COLUMNS.region, region),
        visible_rows(work, AttendanceDay),
    ]
    return conditions if group_id is None else [*conditions, DAY_COLUMNS.group_id == group_id]


async def list_tallies(
    work: UnitOfWork, region: str, months: Sequence[str], by: str, group_id: UUID | None = None
) -> list[dict[str, Any]]:
    """Returns day counts per person, team, group, village or town, sorted by region and key, never by figures."""
    place = partial(work.context.mergers.current_head, DAY_COLUMNS.region, area=region)
    key = place(_PLACE_DIGITS[by]) if by in _PLACE_DIGITS else _GROUP_KEYS[by]
    extra_columns = [sa.func.min(place(12)).label("region")]
    if by == "person":
        extra_columns += [
            sa.func.max(DAY_COLUMNS.person_name).label("name"),
            sa.func.max(sa.cast(DAY_COLUMNS.team_id, sa.String)).label("team"),
        ]
    query = (
        sa.select(
            key.label("key"),
            *extra_columns,
            *(figure.label(name) for name, figure in _FIGURE_COLUMNS.items()),
        )
        .where(*_in_months(work, region, months, group_id))
        .group_by(key)
        .order_by(sa.func.min(DAY_COLUMNS.region), key)
        .limit(MAX_SHEET_ROWS)
    )
    return [dict(row._mapping) for row in await execute_core(work.session, query)]  # noqa: SLF001 - SQLAlchemy's public name


async def list_halves(work: UnitOfWork, region: str, months: Sequence[str]) -> list[dict[str, Any]]:
    """Returns (key, halves) of each person with days in a region's months."""
    query = (
        sa.select(DAY_COLUMNS.person.label("key"), _sum_column(DAY_COLUMNS.halves).label("halves"))
        .where(
            DAY_COLUMNS.month.in_(list(months)),
            work.within_region(DAY_COLUMNS.region, region),
            visible_rows(work, AttendanceDay),
        )
        .group_by(DAY_COLUMNS.person)
        .limit(MAX_SHEET_ROWS)
    )
    return [dict(row._mapping) for row in await execute_core(work.session, query)]  # noqa: SLF001 - SQLAlchemy's public name


async def list_held_days(work: UnitOfWork, region: str, month: str) -> list[HeldDay]:
    """Returns the provisional days of a region's month, by person and day."""
    columns = (DAY_COLUMNS.person, DAY_COLUMNS.person_name, DAY_COLUMNS.work_date, DAY_COLUMNS.words)
    query = (
        sa.select(*columns)
        .where(
            DAY_COLUMNS.month == month,
            work.within_region(DAY_COLUMNS.region, region),
            DAY_COLUMNS.provisional.is_(True),
            visible_rows(work, AttendanceDay),
        )
        .order_by(DAY_COLUMNS.person, DAY_COLUMNS.work_date)
        .limit(MAX_HELD_DAYS)
    )
    return [HeldDay(**row._mapping) for row in await execute_core(work.session, query)]  # noqa: SLF001 - SQLAlchemy's public name


async def get_total_tally(
    work: UnitOfWork, region: str, months: Sequence[str], group_id: UUID | None = None
) -> dict[str, Any]:
    """Returns the day counts of the whole region in one row."""
    query = sa.select(*(figure.label(name) for name, figure in _FIGURE_COLUMNS.items())).where(
        *_in_months(work, region, months, group_id)
    )
    return dict((await execute_core(work.session, query)).one()._mapping)  # noqa: SLF001 - SQLAlchemy's public name


async def list_team_names(work: UnitOfWork, region: str) -> dict[str, str]:
    """Returns team id → name of the visible teams of a region."""
    query = select(Team).where(work.within_region(col(Team.region), region), visible_rows(work, Team))
    return {str(team.id): team.name for team in await work.session.exec(query)}


async def list_day_results(work: UnitOfWork, region: str, month: str) -> list[Any]:
    """Returns (person, work_date, result, provisional) of the visible days of a month."""
    query = (
        sa.select(DAY_COLUMNS.person, DAY_COLUMNS.work_date, DAY_COLUMNS.result, DAY_COLUMNS.provisional)
        .where(
            DAY_COLUMNS.month == month,
            work.within_region(DAY_COLUMNS.region, region),
            visible_rows(work, AttendanceDay),
        )
        .order_by(DAY_COLUMNS.person, DAY_COLUMNS.work_date)
    )
    return list(await execute_core(work.session, query))


async def find_sheet(work: UnitOfWork, region: str, month: str, *, lock: bool = False) -> MonthSheet | None:
    """Returns the sheet of exactly this region and month, or None."""
    query = select(MonthSheet).where(
        MonthSheet.region == region, MonthSheet.month == month, visible_rows(work, MonthSheet)
    )
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def find_signed_sheet(work: UnitOfWork, region: str, month: str) -> MonthSheet | None:
    """Returns a signed sheet of the region or of a region that contains it, or None."""
    query = select(MonthSheet).where(
        col(MonthSheet.region).in_(ancestor_codes(region)),
        MonthSheet.month == month,
        MonthSheet.state == SheetState.SIGNED,
    )
    return (await work.session.exec(query.order_by(col(MonthSheet.region)).limit(1))).first()


async def list_signed_months(work: UnitOfWork, region: str, months: Sequence[str]) -> list[str]:
    """Returns those of the months whose sheet is signed for the region or for one that contains it."""
    query = select(MonthSheet.month).where(
        col(MonthSheet.region).in_(ancestor_codes(region)),
        col(MonthSheet.month).in_(months),
        MonthSheet.state == SheetState.SIGNED,
    )
    return sorted(set(await work.session.exec(query)))


async def update_frozen(work: UnitOfWork, region: str, month: str, *, frozen: bool) -> None:
    """Sets `frozen` on the days of a region's month."""
    table: Any = AttendanceDay.__table__  # type: ignore[attr-defined]
    where = (
        DAY_COLUMNS.month == month,
        work.within_region(DAY_COLUMNS.region, region),
        visible_rows(work, AttendanceDay),
    )
    change = sa.update(table).where(*where).values(frozen=frozen, updated_at=work.at)
    changed = (await execute_core(work.session, change.returning(table.c.id))).scalars()
    note_keys(work.session, table, changed)


async def list_unsettled_days(work: UnitOfWork, region: str, month: str) -> dict[str, list[date]]:
    """Returns person → assigned days of a month up to today that have no result or a provisional one."""
    first, last = month_bounds(month)
    last = min(last, work.today)
    query = select(Assignment).where(
        work.within_region(col(Assignment.region), region),
        overlaps_days(Assignment, first, last),
        work.actor.scope_filter(May.PRESENCE_READ, col(Assignment.region)),
    )
    days_by_person: dict[str, set[date]] = defaultdict(set)
    for assignment in await work.session.exec(query):
        days_by_person[assignment.person].update(
            list_days(max(first, assignment.starts_on), min(last, assignment.ends_on or last))
        )
    for row in await list_day_results(work, region, month):
        if not row.provisional:
            days_by_person[row.person].discard(row.work_date)
    return {person: sorted(days) for person, days in days_by_person.items() if days}


async def list_person_days(work: UnitOfWork, region: str, month: str) -> dict[str, list[date]]:
    """Returns person → days of a month."""
    days_by_person: dict[str, list[date]] = {}
    for row in await list_day_results(work, region, month):
        days_by_person.setdefault(row.person, []).append(row.work_date)
    return days_by_person


async def list_own_days(work: UnitOfWork, first: date, last: date) -> list[AttendanceDay]:
    """Returns the caller's own days of a period, in order."""
    query = select(AttendanceDay).where(
        AttendanceDay.person == work.actor.id,
        col(AttendanceDay.work_date).between(first, last),
        visible_rows(work, AttendanceDay),
    )
    return list(await work.session.exec(query.order_by(col(AttendanceDay.work_date))))


async def list_own_reviews(work: UnitOfWork, first: date, last: date) -> dict[date, Review]:
    """Returns day → review of the caller's own days of a period."""
    query = select(Review).where(
        Review.person == work.actor.id, col(Review.work_date).between(first, last), visible_rows(work, Review)
    )
    return {review.work_date: review for review in await work.session.exec(query)}


async def list_day_records(
    work: UnitOfWork, persons: Sequence[str], first: date, last: date
) -> dict[str, dict[UUID, tuple[date, date]]]:
    """Returns, by person, the check-ins, live leaves and live errands of these days: id → first and last day."""
    found: dict[str, dict[UUID, tuple[date, date]]] = defaultdict(dict)
    check_in = get_columns(CheckIn)
    queries: list[sa.Select[Any]] = [
        sa.select(check_in.person, check_in.id, check_in.work_date, check_in.work_date).where(
            in_list(work.session, check_in.person, persons),
            check_in.work_date.between(first, last),
            visible_rows(work, CheckIn, May.PRESENCE_IMPORT),
        )
    ]
    for table, states in (
        (Leave, (LeaveState.REFUSED, LeaveState.WITHDRAWN)),
        (Errand, (ErrandState.REFUSED, ErrandState.WITHDRAWN)),
    ):
        request = get_columns(table)
        queries.append(
            sa.select(request.person, request.id, request.starts_on, request.ends_on).where(
                in_list(work.session, request.person, persons),
                overlaps_days(table, first, last),
                request.state.not_in(states),
                visible_rows(work, table, May.PRESENCE_IMPORT),
            )
        )
    for query in queries:
        rows: list[Any] = list(await execute_core(work.session, query))
        for person, identifier, starts_on, ends_on in rows:
            found[person][identifier] = (starts_on, ends_on)
    return found
