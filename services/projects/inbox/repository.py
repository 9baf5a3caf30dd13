"""Queries of the inbox."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.projects.models import UNFINISHED_CONDITION, Project
from shared.http import Page, PageParams, list_page
from shared.records import WorklistItem
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"state_since": col(Project.state_since), "total": col(Project.total)}
IS_UNFINISHED: sa.ColumnElement[bool] = sa.literal_column(f"project.{UNFINISHED_CONDITION}")
"""The condition of the partial index, in the same text, so that the planner uses it."""


async def list_waiting(
    work: UnitOfWork, params: PageParams, items: Sequence[WorklistItem], *, overdue: bool
) -> Page[Project]:
    """Return a page of waiting projects, longest wait first; with `overdue`, only those over their limit."""
    conditions: list[Any] = [
        sa.and_(item.condition, item.late_condition(work)) if overdue else item.condition for item in items
    ]
    query = select(Project).where(IS_UNFINISHED, sa.or_(sa.false(), *conditions))
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(Project.id), default="state_since"
    )
