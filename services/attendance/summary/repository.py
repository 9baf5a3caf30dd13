"""Every count of the summary, in SQL, within what the caller may see."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Result
from services.attendance.days.kinds import DayResult
from services.attendance.days.models import AttendanceDay
from services.attendance.deeds.models import Deed, Training
from services.attendance.posts.models import Assignment, Post
from services.attendance.repository import seen
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.rows import columns, during
from services.attendance.teams.models import Team
from services.attendance.visits.kinds import VisitKind
from services.attendance.visits.models import FollowUp, Visit
from shared.access import span
from shared.db import run
from shared.work import Work


async def figures(work: Work, table: Any, region: str, *where: Any, **wanted: Any) -> dict[str, int]:  # noqa: ANN401 - a table class, column expressions
    """Aggregates over a table's rows in a region, by name; None counts as 0."""
    query = sa.select(*(expression.label(name) for name, expression in wanted.items())).where(
        columns(table).region.between(*span(region)), seen(work, table), *where
    )
    row = (await run(work.session, query)).one()
    return {name: int(getattr(row, name) or 0) for name in wanted}


def _sum(column: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(column), sa.BigInteger)


def _when(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    return _sum(sa.case((condition, 1), else_=0))


async def stationed(work: Work, region: str, first: date, last: date) -> dict[str, int]:
    """Who was stationed where, in what teams."""
    posting, post, team = map(columns, (Assignment, Post, Team))
    cadres = sa.func.count(sa.distinct(posting.person))
    return {
        **await figures(work, Assignment, region, during(Assignment, first, last), cadres=cadres),
        **await figures(work, Post, region, post.closed_on.is_(None), posts=sa.func.count()),
        **await figures(work, Team, region, team.closed_on.is_(None), teams=sa.func.count()),
    }


async def punched(work: Work, region: str, first: date, last: date) -> dict[str, int]:
    """Check-ins, and those that wait for a person."""
    tap = columns(CheckIn)
    wanted = {"check_ins": sa.func.count(), "check_ins_held": _when(tap.result == Result.HELD)}
    return await figures(work, CheckIn, region, tap.work_date.between(first, last), **wanted)


async def reckoned(work: Work, region: str, first: date, last: date) -> dict[str, int]:
    """Days by what they were, and reviews that wait."""
    day, review = map(columns, (AttendanceDay, Review))
    wanted = {
        "days_stationed": _when(day.result.in_((DayResult.PRESENT, DayResult.ERRAND))),
        "days_leave": _when(day.result == DayResult.LEAVE),
        "days_unexplained": _when(day.result == DayResult.UNEXPLAINED),
        "days_absent": _when(day.result == DayResult.ABSENT),
        "days_provisional": _when(day.provisional.is_(True)),
    }
    still = (review.state == ReviewState.OPEN, review.work_date.between(first, last))
    return {
        **await figures(work, AttendanceDay, region, day.work_date.between(first, last), **wanted),
        **await figures(work, Review, region, *still, reviews_open=sa.func.count()),
    }


async def helped(work: Work, region: str, first: date, last: date) -> dict[str, int]:
    """Visits, deeds and trainings."""
    visit, task, deed, training = map(columns, (Visit, FollowUp, Deed, Training))
    households = sa.distinct(sa.case((visit.kind == VisitKind.HOUSEHOLD, visit.household_mark)))
    visits = {"visits": sa.func.count(), "households": sa.func.count(households)}
    deeds = {
        "deeds": sa.func.count(),
        "deeds_done": _when(deed.done.is_(True)),
        "beneficiaries": _sum(deed.beneficiaries),
        "deed_money": _sum(deed.amount),
    }
    still = (task.done_on.is_(None), task.due_on.between(first, last))
    trained = training.held_on.between(first, last)
    return {
        **await figures(work, Visit, region, visit.visited_on.between(first, last), **visits),
        **await figures(work, FollowUp, region, *still, follow_ups_open=sa.func.count()),
        **await figures(work, Deed, region, deed.happened_on.between(first, last), **deeds),
        **await figures(work, Training, region, trained, trainings=sa.func.count()),
    }
