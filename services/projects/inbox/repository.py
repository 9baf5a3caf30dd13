"""Queries of the inbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.inbox.rules import PROJECT_COLUMNS, WorklistEntry, build_cutoff_condition
from services.projects.projects.lifecycle import EDITABLE_STATES, REVIEW_STATES, State
from services.projects.projects.models import UNFINISHED_CONDITION, Project
from shared.auth import May
from shared.db import execute_core
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

CLEARANCE_PERMISSIONS = (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
CLEARABLE_STATES = (*EDITABLE_STATES, *REVIEW_STATES, State.RESERVE, State.PLANNED)
"""States in which a finding still stands in a project's way."""
SORT_COLUMNS = {"state_since": col(Project.state_since), "total": col(Project.total)}


IS_UNFINISHED: sa.ColumnElement[bool] = sa.literal_column(f"project.{UNFINISHED_CONDITION}")
"""Nothing waits that is over: said as the index says it."""


def _build_waiting_condition(waits: Sequence[WorklistEntry]) -> sa.ColumnElement[bool]:
    return sa.and_(IS_UNFINISHED, sa.or_(sa.false(), *(wait.condition for wait in waits)))


async def count_waiting(
    work: UnitOfWork,
    waits: Sequence[WorklistEntry],
    near: Mapping[State, datetime],
    late: Mapping[State, datetime],
) -> list[sa.Row[Any]]:
    """How many wait in each state, are near their limit, are over it; each wait's own condition is the scope."""
    found = [_build_count_query(wait, near.get(wait.state), late.get(wait.state)) for wait in waits]
    if not found:
        return []
    one = sa.union_all(*found).subquery().c
    query = sa.select(
        one.state, *(sa.func.sum(one[name]).label(name) for name in ("waiting", "near", "late"))
    )
    return [row for row in await execute_core(work.session, query.group_by(one.state)) if row.waiting]


def _build_count_query(wait: WorklistEntry, near: datetime | None, late: datetime | None) -> Any:  # noqa: ANN401 - a select
    return sa.select(
        sa.literal(wait.state.value).label("state"),
        sa.func.count().label("waiting"),
        *(
            sa.func.coalesce(
                sa.func.sum(sa.case((PROJECT_COLUMNS.state_since < moment, 1), else_=0))
                if moment
                else sa.literal(0),
                0,
            ).label(label)
            for label, moment in (("near", near), ("late", late))
        ),
    ).where(IS_UNFINISHED, wait.condition)


async def count_blocked(work: UnitOfWork) -> int:
    """How many projects on their way in, or in the library, screening blocks in regions where the caller may clear it."""
    clearing = sa.or_(
        *(work.actor.scope_filter(may, PROJECT_COLUMNS.region) for may in CLEARANCE_PERMISSIONS)
    )
    query = sa.select(sa.func.count()).where(
        PROJECT_COLUMNS.blocked, PROJECT_COLUMNS.state.in_(CLEARABLE_STATES), clearing
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def list_waiting(
    work: UnitOfWork, asked: PageParams, waits: Sequence[WorklistEntry], late: Mapping[State, datetime] | None
) -> Page[Project]:
    """A page of what waits, the longest first; with `late`, only what is over its limit."""
    query = select(Project).where(_build_waiting_condition(waits))
    if late is not None:
        query = query.where(build_cutoff_condition(late))
    return await list_page(
        work.session, query, asked, orders=SORT_COLUMNS, key=col(Project.id), default="state_since"
    )
