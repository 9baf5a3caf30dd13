"""The queries behind the inbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.inbox.waits import P, Wait, before
from services.projects.library.models import LIVE, Project
from services.projects.library.states import EDITABLE, REVIEWS, State
from shared.db import run
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

CLEARING = (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
CLEARABLE = (*EDITABLE, *REVIEWS, State.RESERVE, State.PLANNED)
"""States in which a finding still stands in a project's way."""
ORDERS = {"state_since": col(Project.state_since), "total": col(Project.total)}


LIVE_NOW: sa.ColumnElement[bool] = sa.literal_column(f"project.{LIVE}")
"""Nothing waits that is over: said as the index says it."""


def _waiting(waits: Sequence[Wait]) -> sa.ColumnElement[bool]:
    return sa.and_(LIVE_NOW, sa.or_(sa.false(), *(wait.condition for wait in waits)))


async def counts(
    work: Work,
    waits: Sequence[Wait],
    near: Mapping[State, datetime],
    late: Mapping[State, datetime],
) -> list[sa.Row[Any]]:
    """How many wait in each state, are near their limit, are over it; each wait's own condition is the scope."""
    found = [_counted(wait, near.get(wait.state), late.get(wait.state)) for wait in waits]
    if not found:
        return []
    one = sa.union_all(*found).subquery().c
    query = sa.select(
        one.state, *(sa.func.sum(one[name]).label(name) for name in ("waiting", "near", "late"))
    )
    return [row for row in await run(work.session, query.group_by(one.state)) if row.waiting]


def _counted(wait: Wait, near: datetime | None, late: datetime | None) -> Any:  # noqa: ANN401 - a select
    return sa.select(
        sa.literal(wait.state.value).label("state"),
        sa.func.count().label("waiting"),
        *(
            sa.func.coalesce(
                sa.func.sum(sa.case((P.state_since < moment, 1), else_=0)) if moment else sa.literal(0), 0
            ).label(label)
            for label, moment in (("near", near), ("late", late))
        ),
    ).where(LIVE_NOW, wait.condition)


async def blocked(work: Work) -> int:
    """How many projects on their way in, or in the library, screening blocks in regions where the caller may clear it."""
    clearing = sa.or_(*(work.actor.where(may, P.region) for may in CLEARING))
    query = sa.select(sa.func.count()).where(P.blocked, P.state.in_(CLEARABLE), clearing)
    return int((await run(work.session, query)).scalar_one())


async def listed(
    work: Work, asked: Asked, waits: Sequence[Wait], late: Mapping[State, datetime] | None
) -> Page[Project]:
    """A page of what waits, the longest first; with `late`, only what is over its limit."""
    query = select(Project).where(_waiting(waits))
    if late is not None:
        query = query.where(before(late))
    return await page(work.session, query, asked, orders=ORDERS, key=col(Project.id), default="state_since")
