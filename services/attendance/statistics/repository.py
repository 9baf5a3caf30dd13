"""Every sum of the monthly table."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Result
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayResult
from services.attendance.posts.models import Assignment, Post
from services.attendance.repository import visible_rows
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.sql_conditions import get_columns, overlaps_days
from services.attendance.teams.models import Member, Team
from services.attendance.visits.models import Deed, FollowUp, Training, Visit
from services.attendance.visits.schemas import DeedKind, VisitKind
from shared.auth import region_bounds
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

DEED_COLUMNS, VISIT_COLUMNS, DAY_COLUMNS = get_columns(Deed), get_columns(Visit), get_columns(AttendanceDay)


def _sum_column(column: Any, kind: Any = sa.Integer) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(column), kind)


def _sum_if(condition: Any, value: Any = 1, kind: Any = sa.Integer) -> Any:  # noqa: ANN401 - column expressions
    return _sum_column(sa.case((condition, value), else_=0), kind)


_DEED_FIGURES = {
    **{
        one: _sum_if(kind == DEED_COLUMNS.kind)
        for one, kind in {
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
    "deeds_done": _sum_if(DEED_COLUMNS.done.is_(True)),
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
    """The figures of every person with days, visits or deeds in a region's month."""
    found: dict[str, dict[str, Any]] = {}
    parts = (
        (AttendanceDay, _DAY_FIGURES, (DAY_COLUMNS.month == month,), DAY_COLUMNS.person_name),
        (
            Visit,
            {"household_visits": _sum_if(VISIT_COLUMNS.kind == VisitKind.HOUSEHOLD)},
            (VISIT_COLUMNS.visited_on.between(first, last),),
            VISIT_COLUMNS.person_name,
        ),
        (Deed, _DEED_FIGURES, (DEED_COLUMNS.happened_on.between(first, last),), DEED_COLUMNS.person_name),
    )
    for table, figures, where, name in parts:
        row_of = get_columns(table)
        query = (
            sa.select(
                row_of.person,
                sa.func.max(name).label("name"),
                sa.func.min(row_of.region).label("region"),
                *(figure.label(key) for key, figure in figures.items()),
            )
            .where(*where, row_of.region.between(*region_bounds(region)), visible_rows(work, table))
            .group_by(row_of.person)
        )
        for row in await execute_core(work.session, query):
            found.setdefault(row.person, {}).update(
                {key: value for key, value in row._mapping.items() if value is not None}  # noqa: SLF001 - SQLAlchemy's public name
            )
    return found


async def list_members(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, Member]:
    """Who was in a team in these days, by person."""
    query = select(Member).where(
        col(Member.region).between(*region_bounds(region)),
        overlaps_days(Member, first, last),
        visible_rows(work, Member),
    )
    return {one.person: one for one in await work.session.exec(query.order_by(col(Member.starts_on)))}


async def list_deeds(work: UnitOfWork, region: str, first: date, last: date) -> list[Deed]:
    """The list of deeds of these days, by village and day."""
    query = select(Deed).where(
        col(Deed.region).between(*region_bounds(region)),
        col(Deed.happened_on).between(first, last),
        visible_rows(work, Deed),
    )
    return list(
        await work.session.exec(query.order_by(col(Deed.region), col(Deed.happened_on), col(Deed.id)))
    )


async def aggregate_rows(
    work: UnitOfWork, table: Any, region: str, *where: Any, **wanted: Any
) -> dict[str, int]:
    """Aggregates over a table's rows in a region, by name; None counts as 0."""
    query = sa.select(*(expression.label(name) for name, expression in wanted.items())).where(
        get_columns(table).region.between(*region_bounds(region)), visible_rows(work, table), *where
    )
    row = (await execute_core(work.session, query)).one()
    return {name: int(getattr(row, name) or 0) for name in wanted}


def _sum_bigint(column: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(column), sa.BigInteger)


def _count_if(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    return _sum_bigint(sa.case((condition, 1), else_=0))


async def count_assignments(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Who was stationed where, in what teams."""
    posting, post, team = map(get_columns, (Assignment, Post, Team))
    cadres = sa.func.count(sa.distinct(posting.person))
    return {
        **await aggregate_rows(
            work, Assignment, region, overlaps_days(Assignment, first, last), cadres=cadres
        ),
        **await aggregate_rows(work, Post, region, post.closed_on.is_(None), posts=sa.func.count()),
        **await aggregate_rows(work, Team, region, team.closed_on.is_(None), teams=sa.func.count()),
    }


async def count_check_ins(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Check-ins, and those that wait for a person."""
    tap = get_columns(CheckIn)
    wanted = {"check_ins": sa.func.count(), "check_ins_held": _count_if(tap.result == Result.HELD)}
    return await aggregate_rows(work, CheckIn, region, tap.work_date.between(first, last), **wanted)


async def count_days(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Days by what they were, and reviews that wait."""
    day, review = map(get_columns, (AttendanceDay, Review))
    wanted = {
        "days_stationed": _count_if(day.result.in_((DayResult.PRESENT, DayResult.ERRAND))),
        "days_leave": _count_if(day.result == DayResult.LEAVE),
        "days_unexplained": _count_if(day.result == DayResult.UNEXPLAINED),
        "days_absent": _count_if(day.result == DayResult.ABSENT),
        "days_provisional": _count_if(day.provisional.is_(True)),
    }
    still = (review.state == ReviewState.OPEN, review.work_date.between(first, last))
    return {
        **await aggregate_rows(work, AttendanceDay, region, day.work_date.between(first, last), **wanted),
        **await aggregate_rows(work, Review, region, *still, reviews_open=sa.func.count()),
    }


async def count_support_work(work: UnitOfWork, region: str, first: date, last: date) -> dict[str, int]:
    """Visits, deeds and trainings."""
    visit, task, deed, training = map(get_columns, (Visit, FollowUp, Deed, Training))
    households = sa.distinct(sa.case((visit.kind == VisitKind.HOUSEHOLD, visit.household_mark)))
    visits = {"visits": sa.func.count(), "households": sa.func.count(households)}
    deeds = {
        "deeds": sa.func.count(),
        "deeds_done": _count_if(deed.done.is_(True)),
        "beneficiaries": _sum_bigint(deed.beneficiaries),
        "deed_money": _sum_bigint(deed.amount),
    }
    still = (task.done_on.is_(None), task.due_on.between(first, last))
    trained = training.held_on.between(first, last)
    return {
        **await aggregate_rows(work, Visit, region, visit.visited_on.between(first, last), **visits),
        **await aggregate_rows(work, FollowUp, region, *still, follow_ups_open=sa.func.count()),
        **await aggregate_rows(work, Deed, region, deed.happened_on.between(first, last), **deeds),
        **await aggregate_rows(work, Training, region, trained, trainings=sa.func.count()),
    }
