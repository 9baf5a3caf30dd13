"""Every count of the summary, in SQL, within what the caller may see."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Result
from services.attendance.deeds.models import Deed, Training
from services.attendance.posts.models import Assignment, Post
from services.attendance.repository import seen
from services.attendance.rows import columns
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


async def counts(work: Work, region: str, first: date, last: date) -> dict[str, int]:
    """Everything the summary counts between two days."""
    a, p, t, c, v, d, f, g = map(columns, (Assignment, Post, Team, CheckIn, Visit, Deed, FollowUp, Training))
    during = (a.starts_on <= last, sa.or_(a.ends_on.is_(None), a.ends_on >= first))
    found: dict[str, int] = {}
    found |= await figures(work, Assignment, region, *during, cadres=sa.func.count(sa.distinct(a.person)))
    found |= await figures(work, Post, region, p.closed_on.is_(None), posts=sa.func.count())
    found |= await figures(work, Team, region, t.closed_on.is_(None), teams=sa.func.count())
    found |= await figures(
        work,
        CheckIn,
        region,
        c.work_date.between(first, last),
        check_ins=sa.func.count(),
        check_ins_held=_when(c.result == Result.HELD),
    )
    marks = sa.distinct(sa.case((v.kind == VisitKind.HOUSEHOLD, v.household_mark)))
    found |= await figures(
        work,
        Visit,
        region,
        v.visited_on.between(first, last),
        visits=sa.func.count(),
        households=sa.func.count(marks),
    )
    found |= await figures(
        work,
        FollowUp,
        region,
        f.done_on.is_(None),
        f.due_on.between(first, last),
        follow_ups_open=sa.func.count(),
    )
    found |= await figures(
        work,
        Deed,
        region,
        d.happened_on.between(first, last),
        deeds=sa.func.count(),
        deeds_done=_when(d.done.is_(True)),
        beneficiaries=_sum(d.beneficiaries),
        deed_money=_sum(d.amount),
    )
    found |= await figures(work, Training, region, g.held_on.between(first, last), trainings=sa.func.count())
    return found
