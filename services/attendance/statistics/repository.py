"""Sums for the monthly statistics and the yearly summary."""

from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Result
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayResult
from services.attendance.months.lifecycle import SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.posts.models import Assignment, Post
from services.attendance.repository import visible_rows
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns, overlaps_days
from services.attendance.teams.models import Member, Team, Unit
from services.attendance.teams.schemas import MemberRole
from services.attendance.visits.models import Deed, Training, Visit, VisitFollowUp
from services.attendance.visits.schemas import DeedKind, VisitKind
from shared.db import execute_core
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

DEED_COLUMNS, VISIT_COLUMNS, DAY_COLUMNS = get_columns(Deed), get_columns(Visit), get_columns(AttendanceDay)


def _sum_column(column: Any, kind: Any = sa.Integer) -> Any:  # noqa: ANN401 - column expressions
    """SQL expression: sum, cast to a type."""
    return sa.cast(sa.func.sum(column), kind)


def _sum_if(condition: Any, value: Any = 1, kind: Any = sa.Integer) -> Any:  # noqa: ANN401 - column expressions
    """SQL expression: sum of the value over rows that meet the condition."""
    return _sum_column(sa.case((condition, value), else_=0), kind)


_DEED_FIGURES = {
    **{
        figure: _sum_if(kind == DEED_COLUMNS.kind)
        for figure, kind in {
            "urgent": DeedKind.URGENT,
            "dispute": DeedKind.DISPUTE,
            "project": DeedKind.PROJECT,
            "enterprise": DeedKind.ENTERPRISE,
            "lecture": DeedKind.LECTURE,
        }.items()
    },
    "project_money": _sum_if(DEED_COLUMNS.kind == DeedKind.PROJECT, DEED_COLUMNS.amount, sa.BigInteger),
    "consumption_money": _sum_if(
        DEED_COLUMNS.kind == DeedKind.CONSUMPTION, DEED_COLUMNS.amount, sa.BigInteger
    ),
    "jobs": _sum_if(DEED_COLUMNS.kind == DeedKind.JOBS, DEED_COLUMNS.beneficiaries),
    "deeds": sa.func.count(),
}
_DAY_FIGURES = {
    "workdays": _sum_if(DAY_COLUMNS.works.is_(True)),
    "halves": _sum_column(DAY_COLUMNS.halves),
    "leave_halves": _sum_column(DAY_COLUMNS.leave_halves),
    "errand": _sum_if(DAY_COLUMNS.result == DayResult.ERRAND),
}


async def list_person_figures(
    work: UnitOfWork, region: str, month: str, first: date, last: date
) -> dict[str, dict[str, Any]]:
    """Returns person → figures, for persons with days, visits or deeds in a region's month."""
    figures_by_person: dict[str, dict[str, Any]] = {}
    sources = (
        (AttendanceDay, _DAY_FIGURES, (DAY_COLUMNS.month == month,), DAY_COLUMNS.person_name),
        (
            Visit,
            {"household_visits": _sum_if(VISIT_COLUMNS.kind == VisitKind.HOUSEHOLD)},
            (VISIT_COLUMNS.visited_on.between(first, last),),
            VISIT_COLUMNS.person_name,
        ),
        (
            Deed,
            {**_DEED_FIGURES, "deeds_done": _sum_if(DEED_COLUMNS.done_on <= last)},
            (DEED_COLUMNS.happened_on.between(first, last),),
            DEED_COLUMNS.person_name,
        ),
    )
    for table, figures, where, name in sources:
        columns = get_columns(table)
        query = (
            sa.select(
                columns.person,
                sa.func.max(name).label("name"),
                sa.func.min(columns.region).label("region"),
                *(figure.label(key) for key, figure in figures.items()),
            )
            .where(*where, work.within_region(columns.region, region), visible_rows(work, table))
            .group_by(columns.person)
        )
        for row in await execute_core(work.session, query):
            figures_by_person.setdefault(row.person, {}).update(
                {key: value for key, value in row._mapping.items() if value is not None}  # noqa: SLF001 - SQLAlchemy's public name
            )
    return figures_by_person


class TeamMember(NamedTuple):
    """Role of a person, and the unit that sent them: the member's own, else the team's."""

    role: str
    unit_name: str


async def list_members(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, TeamMember]:
    """Returns person → membership that overlaps these days (the latest, if several)."""
    member, team, unit = map(get_columns, (Member, Team, Unit))
    query = (
        sa.select(member.person, member.role, member.unit_name, unit.name.label("team_unit"))
        .join_from(Member, Team, team.id == member.team_id)
        .outerjoin(Unit, unit.id == team.unit_id)
        .where(
            work.within_region(member.region, region),
            overlaps_days(Member, first, last),
            visible_rows(work, Member),
        )
        .order_by(member.starts_on, member.id)
    )
    return {
        row.person: TeamMember(MemberRole(row.role).label, row.unit_name or row.team_unit or "")
        for row in await execute_core(work.session, query)
    }


async def list_signed_sheets(work: UnitOfWork, region: str, month: str) -> list[MonthSheet]:
    """Returns the signed sheets of a month within a region, or of regions that contain it."""
    query = select(MonthSheet).where(
        MonthSheet.month == month,
        MonthSheet.state == SheetState.SIGNED,
        sa.or_(
            work.within_region(col(MonthSheet.region), region),
            col(MonthSheet.region).in_(ancestor_codes(region)),
        ),
    )
    return list(await work.session.exec(query.order_by(col(MonthSheet.region))))


async def list_deeds(work: UnitOfWork, region: str, first: date, last: date) -> list[Deed]:
    """Returns the deeds of these days, by village and day."""
    query = select(Deed).where(
        work.within_region(col(Deed.region), region),
        col(Deed.happened_on).between(first, last),
        visible_rows(work, Deed),
    )
    return list(
        await work.session.exec(query.order_by(col(Deed.region), col(Deed.happened_on), col(Deed.id)))
    )


async def aggregate_rows(
    work: UnitOfWork,
    table: Any,  # noqa: ANN401 - a table class
    region: str,
    *where: sa.ColumnElement[bool],
    **aggregates: sa.ColumnElement[Any],
) -> dict[str, int]:
    """Evaluates the named aggregates over the visible rows of a table in a region; NULL counts as 0."""
    query = sa.select(*(expression.label(name) for name, expression in aggregates.items())).where(
        work.within_region(get_columns(table).region, region), visible_rows(work, table), *where
    )
    row = (await execute_core(work.session, query)).one()
    return {name: int(getattr(row, name) or 0) for name in aggregates}


def _sum_bigint(column: Any) -> Any:  # noqa: ANN401 - column expressions
    """SQL expression: sum as BIGINT."""
    return sa.cast(sa.func.sum(column), sa.BigInteger)


def _count_if(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    """SQL expression: number of rows that meet the condition."""
    return _sum_bigint(sa.case((condition, 1), else_=0))


async def count_assignments(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Counts persons assigned, open posts and open teams."""
    assignment, post, team = map(get_columns, (Assignment, Post, Team))
    cadres = sa.func.count(sa.distinct(assignment.person))
    return {
        **await aggregate_rows(
            work, Assignment, region, overlaps_days(Assignment, first, last), cadres=cadres
        ),
        **await aggregate_rows(work, Post, region, post.closed_on.is_(None), posts=sa.func.count()),
        **await aggregate_rows(work, Team, region, team.closed_on.is_(None), teams=sa.func.count()),
    }


async def count_check_ins(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Counts check-ins, and those held for review."""
    check_in = get_columns(CheckIn)
    aggregates = {"check_ins": sa.func.count(), "check_ins_held": _count_if(check_in.result == Result.HELD)}
    return await aggregate_rows(work, CheckIn, region, check_in.work_date.between(first, last), **aggregates)


async def count_days(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Counts days by result, and open reviews."""
    day, review = map(get_columns, (AttendanceDay, Review))
    aggregates = {
        "days_stationed": _count_if(day.result.in_((DayResult.PRESENT, DayResult.ERRAND))),
        "days_leave": _count_if(day.result == DayResult.LEAVE),
        "days_unexplained": _count_if(day.result == DayResult.UNEXPLAINED),
        "days_absent": _count_if(day.result == DayResult.ABSENT),
        "days_provisional": _count_if(day.provisional.is_(True)),
    }
    open_conditions = (review.state == ReviewState.OPEN, review.work_date.between(first, last))
    return {
        **await aggregate_rows(work, AttendanceDay, region, day.work_date.between(first, last), **aggregates),
        **await aggregate_rows(work, Review, region, *open_conditions, reviews_open=sa.func.count()),
    }


async def count_support_work(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Counts visits, households, open follow-ups, deeds with their money (分), and trainings."""
    visit, follow_up, deed, training = map(get_columns, (Visit, VisitFollowUp, Deed, Training))
    households = sa.distinct(sa.case((visit.kind == VisitKind.HOUSEHOLD, visit.household_mark)))
    visits = {"visits": sa.func.count(), "households": sa.func.count(households)}
    deeds = {
        "deeds": sa.func.count(),
        "deeds_done": _count_if(deed.done.is_(True)),
        "beneficiaries": _sum_bigint(deed.beneficiaries),
        "deed_money": _sum_bigint(deed.amount),
    }
    open_conditions = (follow_up.done_on.is_(None), follow_up.due_on.between(first, last))
    in_period = training.held_on.between(first, last)
    return {
        **await aggregate_rows(work, Visit, region, visit.visited_on.between(first, last), **visits),
        **await aggregate_rows(
            work, VisitFollowUp, region, *open_conditions, follow_ups_open=sa.func.count()
        ),
        **await aggregate_rows(work, Deed, region, deed.happened_on.between(first, last), **deeds),
        **await aggregate_rows(work, Training, region, in_period, trainings=sa.func.count()),
    }
