"""Every query about evaluations."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.evaluations.lifecycle import EvaluationState
from services.projects.evaluations.models import Evaluation
from shared.access import span
from shared.db import run
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Evaluation.__table__  # type: ignore[attr-defined]
ORDERS = {"score": col(Evaluation.score), "state_since": col(Evaluation.state_since)}
BATCH = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a ranking is narrowed to; what is None or empty does not narrow."""

    region: str | None = None
    category: str | None = None
    year: int | None = None
    state: EvaluationState | None = None
    grade: str = ""


def _conditions(work: Work, wanted: Wanted) -> list[Any]:
    found: list[Any] = [work.actor.where(May.PROJECT_READ, TABLE.c.region)]
    if wanted.region:
        found.append(TABLE.c.region.between(*span(wanted.region)))
    if wanted.category:
        mine = TABLE.c.category
        found.append(sa.or_(mine == wanted.category, mine.startswith(f"{wanted.category}.", autoescape=True)))
    for column, value in (("year", wanted.year), ("state", wanted.state), ("grade", wanted.grade or None)):
        if value is not None:
            found.append(TABLE.c[column] == value)
    return found


async def of_project(work: Work, project_id: UUID, *, lock: bool = False) -> Evaluation | None:
    """The evaluation of a project the caller was given."""
    query = select(Evaluation).where(Evaluation.project_id == project_id)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def listed(work: Work, asked: Asked, wanted: Wanted) -> Page[Evaluation]:
    """A page of evaluations of the caller's regions, the best first."""
    query = select(Evaluation).where(*_conditions(work, wanted))
    return await page(work.session, query, asked, orders=ORDERS, key=col(Evaluation.id), default="-score")


async def batches(work: Work, wanted: Wanted) -> AsyncGenerator[list[Evaluation]]:
    """The same, all of it, page by page."""
    cursor = ""
    while True:
        found = await listed(work, Asked(BATCH, cursor), wanted)
        yield found.items
        if found.next_cursor is None:
            return
        cursor = found.next_cursor


async def counts(work: Work, wanted: Wanted) -> list[sa.Row[Any]]:
    """(state, grade, number) of the caller's regions."""
    query = sa.select(TABLE.c.state, TABLE.c.grade, sa.func.count().label("number"))
    query = query.where(*_conditions(work, wanted)).group_by(TABLE.c.state, TABLE.c.grade)
    return list(await run(work.session, query))


async def waiting(work: Work) -> int:
    """How many self-evaluations wait for the caller's review."""
    query = sa.select(sa.func.count()).where(
        TABLE.c.state == EvaluationState.SUBMITTED,
        TABLE.c.submitted_by != work.actor.id,
        work.actor.where(May.PROJECT_ACCEPT, TABLE.c.region),
    )
    return int((await run(work.session, query)).scalar_one())
