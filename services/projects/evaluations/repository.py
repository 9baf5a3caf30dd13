"""Every query about evaluations."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.evaluations.lifecycle import EvaluationState
from services.projects.evaluations.models import Evaluation
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

EVALUATION_TABLE: sa.Table = Evaluation.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"score": col(Evaluation.score), "state_since": col(Evaluation.state_since)}
BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class EvaluationFilter:
    """What a ranking is narrowed to; what is None or empty does not narrow."""

    region: str | None = None
    category: str | None = None
    year: int | None = None
    state: EvaluationState | None = None
    grade: str = ""


def _build_conditions(work: UnitOfWork, wanted: EvaluationFilter) -> list[Any]:
    found: list[Any] = [work.actor.scope_filter(May.PROJECT_READ, EVALUATION_TABLE.c.region)]
    if wanted.region:
        found.append(EVALUATION_TABLE.c.region.between(*region_bounds(wanted.region)))
    if wanted.category:
        mine = EVALUATION_TABLE.c.category
        found.append(sa.or_(mine == wanted.category, mine.startswith(f"{wanted.category}.", autoescape=True)))
    for column, value in (("year", wanted.year), ("state", wanted.state), ("grade", wanted.grade or None)):
        if value is not None:
            found.append(EVALUATION_TABLE.c[column] == value)
    return found


async def find_evaluation(work: UnitOfWork, project_id: UUID, *, lock: bool = False) -> Evaluation | None:
    """The evaluation of a project the caller was given."""
    query = select(Evaluation).where(Evaluation.project_id == project_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def list_evaluations(work: UnitOfWork, asked: PageParams, wanted: EvaluationFilter) -> Page[Evaluation]:
    """A page of evaluations of the caller's regions, the best first."""
    query = select(Evaluation).where(*_build_conditions(work, wanted))
    return await list_page(
        work.session, query, asked, orders=SORT_COLUMNS, key=col(Evaluation.id), default="-score"
    )


async def iterate_evaluations(work: UnitOfWork, wanted: EvaluationFilter) -> AsyncGenerator[list[Evaluation]]:
    """The same, all of it, page by page."""
    cursor = ""
    while True:
        found = await list_evaluations(work, PageParams(BATCH_ROWS, cursor), wanted)
        yield found.items
        if found.next_cursor is None:
            return
        cursor = found.next_cursor


async def count_by_grade(work: UnitOfWork, wanted: EvaluationFilter) -> list[sa.Row[Any]]:
    """(state, grade, number) of the caller's regions."""
    query = sa.select(EVALUATION_TABLE.c.state, EVALUATION_TABLE.c.grade, sa.func.count().label("number"))
    query = query.where(*_build_conditions(work, wanted)).group_by(
        EVALUATION_TABLE.c.state, EVALUATION_TABLE.c.grade
    )
    return list(await execute_core(work.session, query))


async def count_pending_reviews(work: UnitOfWork) -> int:
    """How many self-evaluations wait for the caller's review."""
    query = sa.select(sa.func.count()).where(
        EVALUATION_TABLE.c.state == EvaluationState.SUBMITTED,
        EVALUATION_TABLE.c.submitted_by != work.actor.id,
        work.actor.scope_filter(May.PROJECT_ACCEPT, EVALUATION_TABLE.c.region),
    )
    return int((await execute_core(work.session, query)).scalar_one())
