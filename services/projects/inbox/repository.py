"""Queries of the inbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.inbox.rules import WorklistEntry, build_cutoff_condition
from services.projects.projects.lifecycle import EDITABLE_STATES, REVIEW_STATES, State
from services.projects.projects.models import UNFINISHED_CONDITION, Project
from services.projects.projects.repository import PROJECT_COLUMNS
from shared.auth import May
from shared.db import execute_core
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

CLEARANCE_PERMISSIONS = (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
CLEARABLE_STATES = (*EDITABLE_STATES, *REVIEW_STATES, State.RESERVE, State.PLANNED)
"""States in which a finding can still stop the project."""
SORT_COLUMNS = {"state_since": col(Project.state_since), "total": col(Project.total)}
IS_UNFINISHED: sa.ColumnElement[bool] = sa.literal_column(f"project.{UNFINISHED_CONDITION}")
"""The condition of the partial index, in the same text, so that the planner uses it."""


def _build_waiting_condition(entries: Sequence[WorklistEntry]) -> sa.ColumnElement[bool]:
    return sa.and_(IS_UNFINISHED, sa.or_(sa.false(), *(entry.condition for entry in entries)))


async def count_waiting(
    work: UnitOfWork,
    entries: Sequence[WorklistEntry],
    near_cutoffs: Mapping[State, datetime],
    late_cutoffs: Mapping[State, datetime],
) -> list[sa.Row[Any]]:
    """Count projects per state that wait, are near their limit, or exceed it; the condition of each entry is the access scope."""
    queries = [
        _build_count_query(entry, near_cutoffs.get(entry.state), late_cutoffs.get(entry.state))
        for entry in entries
    ]
    if not queries:
        return []
    counts = sa.union_all(*queries).subquery().c
    query = sa.select(
        counts.state, *(sa.func.sum(counts[name]).label(name) for name in ("waiting", "near", "late"))
    )
    return [row for row in await execute_core(work.session, query.group_by(counts.state)) if row.waiting]


def _build_count_query(
    entry: WorklistEntry, near_cutoff: datetime | None, late_cutoff: datetime | None
) -> Any:  # noqa: ANN401 - a select
    return sa.select(
        sa.literal(entry.state.value).label("state"),
        sa.func.count().label("waiting"),
        *(
            sa.func.coalesce(
                sa.func.sum(sa.case((PROJECT_COLUMNS.state_since < cutoff, 1), else_=0))
                if cutoff
                else sa.literal(0),
                0,
            ).label(label)
            for label, cutoff in (("near", near_cutoff), ("late", late_cutoff))
        ),
    ).where(IS_UNFINISHED, entry.condition)


async def count_blocked(work: UnitOfWork) -> int:
    """Count blocked projects, before completion, whose findings the caller may clear."""
    may_clear = sa.or_(
        *(work.actor.scope_filter(may, PROJECT_COLUMNS.region) for may in CLEARANCE_PERMISSIONS)
    )
    query = sa.select(sa.func.count()).where(
        PROJECT_COLUMNS.blocked, PROJECT_COLUMNS.state.in_(CLEARABLE_STATES), may_clear
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def list_waiting(
    work: UnitOfWork,
    params: PageParams,
    entries: Sequence[WorklistEntry],
    late_cutoffs: Mapping[State, datetime] | None,
) -> Page[Project]:
    """Return a page of waiting projects, longest wait first; with `late_cutoffs`, only those over their limit."""
    query = select(Project).where(_build_waiting_condition(entries))
    if late_cutoffs is not None:
        query = query.where(build_cutoff_condition(late_cutoffs))
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(Project.id), default="state_since"
    )
