"""Queries on evaluations."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.evaluations.lifecycle import EvaluationState
from services.projects.evaluations.models import ProjectEvaluation
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

EVALUATION_TABLE: sa.Table = ProjectEvaluation.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"score": col(ProjectEvaluation.score), "state_since": col(ProjectEvaluation.state_since)}
BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class EvaluationFilter:
    """Filter of evaluations; None and empty values do not filter."""

    region: str | None = None
    category: str | None = None
    year: int | None = None
    state: EvaluationState | None = None
    grade: str = ""


def _build_conditions(work: UnitOfWork, filters: EvaluationFilter) -> list[Any]:
    conditions: list[Any] = [work.actor.scope_filter(May.PROJECT_READ, EVALUATION_TABLE.c.region)]
    if filters.region:
        conditions.append(work.within_region(EVALUATION_TABLE.c.region, filters.region))
    if filters.category:
        category = EVALUATION_TABLE.c.category
        conditions.append(
            sa.or_(category == filters.category, category.startswith(f"{filters.category}.", autoescape=True))
        )
    for column, value in (("year", filters.year), ("state", filters.state), ("grade", filters.grade or None)):
        if value is not None:
            conditions.append(EVALUATION_TABLE.c[column] == value)
    return conditions


async def find_evaluation(
    work: UnitOfWork, project_id: UUID, *, lock: bool = False
) -> ProjectEvaluation | None:
    """Return the evaluation of a project, or None. The caller has checked access to the project."""
    query = select(ProjectEvaluation).where(ProjectEvaluation.project_id == project_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def list_evaluations(
    work: UnitOfWork, params: PageParams, filters: EvaluationFilter
) -> Page[ProjectEvaluation]:
    """Return a page of evaluations within the caller's regions, highest score first."""
    query = select(ProjectEvaluation).where(*_build_conditions(work, filters))
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(ProjectEvaluation.id), default="-score"
    )


async def iterate_evaluations(
    work: UnitOfWork, filters: EvaluationFilter
) -> AsyncGenerator[list[ProjectEvaluation]]:
    """Yield all evaluations of a filter page by page."""
    cursor = ""
    while True:
        page = await list_evaluations(work, PageParams(BATCH_ROWS, cursor), filters)
        yield page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


async def count_by_grade(work: UnitOfWork, filters: EvaluationFilter) -> list[sa.Row[Any]]:
    """Count evaluations within the caller's regions by state and grade."""
    query = sa.select(EVALUATION_TABLE.c.state, EVALUATION_TABLE.c.grade, sa.func.count().label("number"))
    query = query.where(*_build_conditions(work, filters)).group_by(
        EVALUATION_TABLE.c.state, EVALUATION_TABLE.c.grade
    )
    return list(await execute_core(work.session, query))


async def get_evaluation_by_id(work: UnitOfWork, evaluation_id: UUID) -> ProjectEvaluation:
    """Load an evaluation within the caller's regions; raise NotFound otherwise."""
    query = select(ProjectEvaluation).where(
        ProjectEvaluation.id == evaluation_id,
        work.actor.scope_filter(May.PROJECT_READ, col(ProjectEvaluation.region)),
    )
    evaluation = (await work.session.exec(query)).first()
    if evaluation is None:
        raise NotFound("没有这份项目评价", f"No evaluation {evaluation_id}")
    return evaluation
