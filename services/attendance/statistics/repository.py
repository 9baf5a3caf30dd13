"""Every sum of the monthly table."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.days.kinds import DayResult
from services.attendance.days.models import AttendanceDay
from services.attendance.deeds.kinds import DeedKind
from services.attendance.deeds.models import Deed
from services.attendance.repository import seen
from services.attendance.rows import columns, during
from services.attendance.teams.models import Member
from services.attendance.visits.kinds import VisitKind
from services.attendance.visits.models import Visit
from shared.access import span
from shared.db import run
from shared.work import Work

D, V, A = columns(Deed), columns(Visit), columns(AttendanceDay)


def _sum(column: Any, kind: Any = sa.Integer) -> Any:  # noqa: ANN401 - column expressions
    return sa.cast(sa.func.sum(column), kind)


def _when(condition: Any, value: Any = 1, kind: Any = sa.Integer) -> Any:  # noqa: ANN401 - column expressions
    return _sum(sa.case((condition, value), else_=0), kind)


_DEEDS = {
    **{
        one: _when(kind == D.kind)
        for one, kind in {
            "urgent": DeedKind.URGENT,
            "dispute": DeedKind.DISPUTE,
            "project": DeedKind.PROJECT,
            "enterprise": DeedKind.ENTERPRISE,
            "lecture": DeedKind.LECTURE,
        }.items()
    },
    "project_money": _when(D.kind == DeedKind.PROJECT, D.amount, sa.BigInteger),
    "consumption_money": _when(D.kind == DeedKind.CONSUMPTION, D.amount, sa.BigInteger),
    "jobs": _when(D.kind == DeedKind.JOBS, D.beneficiaries),
    "deeds": sa.func.count(),
    "deeds_done": _when(D.done.is_(True)),
}
_DAYS = {
    "workdays": _when(A.works.is_(True)),
    "halves": _sum(A.halves),
    "leave_halves": _sum(A.leave_halves),
    "errand": _when(A.result == DayResult.ERRAND),
}


async def by_person(
    work: Work, region: str, month: str, first: date, last: date
) -> dict[str, dict[str, Any]]:
    """The figures of every person with days, visits or deeds in a region's month."""
    found: dict[str, dict[str, Any]] = {}
    parts = (
        (AttendanceDay, _DAYS, (A.month == month,), A.person_name),
        (
            Visit,
            {"household_visits": _when(V.kind == VisitKind.HOUSEHOLD)},
            (V.visited_on.between(first, last),),
            V.person_name,
        ),
        (Deed, _DEEDS, (D.happened_on.between(first, last),), D.person_name),
    )
    for table, figures, where, name in parts:
        row_of = columns(table)
        query = (
            sa.select(
                row_of.person,
                sa.func.max(name).label("name"),
                sa.func.min(row_of.region).label("region"),
                *(figure.label(key) for key, figure in figures.items()),
            )
            .where(*where, row_of.region.between(*span(region)), seen(work, table))
            .group_by(row_of.person)
        )
        for row in await run(work.session, query):
            found.setdefault(row.person, {}).update(
                {key: value for key, value in row._mapping.items() if value is not None}  # noqa: SLF001 - SQLAlchemy's public name
            )
    return found


async def members(work: Work, region: str, first: date, last: date) -> dict[str, Member]:
    """Who was in a team in these days, by person."""
    query = select(Member).where(
        col(Member.region).between(*span(region)), during(Member, first, last), seen(work, Member)
    )
    return {one.person: one for one in await work.session.exec(query.order_by(col(Member.starts_on)))}


async def deeds(work: Work, region: str, first: date, last: date) -> list[Deed]:
    """The list of deeds of these days, by village and day."""
    query = select(Deed).where(
        col(Deed.region).between(*span(region)), col(Deed.happened_on).between(first, last), seen(work, Deed)
    )
    return list(
        await work.session.exec(query.order_by(col(Deed.region), col(Deed.happened_on), col(Deed.id)))
    )
