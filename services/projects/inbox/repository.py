"""The queries behind the inbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.inbox.waits import P, Wait, before
from services.projects.library.models import Project
from services.projects.library.states import State
from shared.db import run
from shared.pages import Asked, Page, page
from shared.work import Work

ORDERS = {"state_since": col(Project.state_since), "total": col(Project.total)}


def _waiting(waits: Sequence[Wait]) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(wait.condition for wait in waits))


async def counts(
    work: Work,
    waits: Sequence[Wait],
    near: Mapping[State, datetime],
    late: Mapping[State, datetime],
) -> list[sa.Row[Any]]:
    """How many wait in each state, are near their limit, are over it; each wait's own condition is the scope."""
    query = (
        sa.select(
            P.state,
            sa.func.count().label("waiting"),
            sa.func.sum(sa.case((before(near), 1), else_=0)).label("near"),
            sa.func.sum(sa.case((before(late), 1), else_=0)).label("late"),
        )
        .where(_waiting(waits))
        .group_by(P.state)
    )
    return list(await run(work.session, query))


async def listed(
    work: Work, asked: Asked, waits: Sequence[Wait], late: Mapping[State, datetime] | None
) -> Page[Project]:
    """A page of what waits, the longest first; with `late`, only what is over its limit."""
    query = select(Project).where(_waiting(waits))
    if late is not None:
        query = query.where(before(late))
    return await page(work.session, query, asked, orders=ORDERS, key=col(Project.id), default="state_since")
