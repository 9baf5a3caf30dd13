"""Every query about projects and what hangs on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.projects.library.kinds import MoneyKind
from services.projects.library.models import CodeCounter, PlannedMoney, Project, ProjectPlace, Target
from services.projects.library.states import BUILDING, Stage, State, states_of
from shared import search
from shared.access import span
from shared.cursors import insert_once
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.tables import event_log
from shared.work import Work

PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]
PLACE: sa.Table = ProjectPlace.__table__  # type: ignore[attr-defined]
MONEY: sa.Table = PlannedMoney.__table__  # type: ignore[attr-defined]
TARGET: sa.Table = Target.__table__  # type: ignore[attr-defined]
COUNTER: sa.Table = CodeCounter.__table__  # type: ignore[attr-defined]
ORDERS = {
    "created_at": col(Project.created_at),
    "updated_at": col(Project.updated_at),
    "total": col(Project.total),
}
LOWEST = 2
"""Dots in a category that has none below it."""
LATE = (State.PLANNED, *BUILDING)
"""States in which a planned end that has passed is overdue."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; what is None or empty does not narrow."""

    region: str | None = None
    own: bool = False
    """Only what stands at the region itself, not below it."""
    stage: Stage | None = None
    state: Sequence[State] = ()
    category: str | None = None
    year: int | None = None
    plan_year: int | None = None
    parent_id: UUID | None = None
    source: MoneyKind | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    industry: bool | None = None
    household: bool | None = None
    blocked: bool | None = None
    overdue: bool | None = None
    bounds: tuple[float, float, float, float] | None = None
    q: str = ""


async def get(work: Work, project_id: UUID, *, lock: bool = False) -> Project:
    """One project of the caller's regions; NotFound otherwise."""
    query = select(Project).where(
        Project.id == project_id, work.actor.where(May.PROJECT_READ, col(Project.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return found


async def many(work: Work, project_ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Project]:
    """Projects of the caller's regions by id, locked in the order of their ids."""
    query = select(Project).where(
        col(Project.id).in_(set(project_ids)), work.actor.where(May.PROJECT_READ, col(Project.region))
    )
    query = query.order_by(col(Project.id))
    rows = await work.session.exec(query.with_for_update() if lock else query)
    return {project.id: project for project in rows}


def _narrowed(work: Work, wanted: Wanted) -> SelectOfScalar[Project]:
    query = select(Project).where(work.actor.where(May.PROJECT_READ, col(Project.region)))
    for condition in (*_plain(wanted), *_reckoned(wanted, work.today)):
        query = query.where(condition)
    return query


def _plain(wanted: Wanted) -> list[Any]:
    found: list[Any] = []
    if wanted.region:
        mine = col(Project.region)
        found.append(mine == wanted.region if wanted.own else mine.between(*span(wanted.region)))
    if wanted.state:
        found.append(col(Project.state).in_(wanted.state))
    if wanted.category:
        kind = PROJECT.c.category
        same = kind == wanted.category
        below = kind.startswith(f"{wanted.category}.", autoescape=True)
        found.append(same if wanted.category.count(".") == LOWEST else sa.or_(same, below))
    for column, value in (
        (Project.year, wanted.year),
        (Project.plan_year, wanted.plan_year),
        (Project.parent_id, wanted.parent_id),
        (Project.counts_as_industry, wanted.industry),
        (Project.household, wanted.household),
        (Project.blocked, wanted.blocked),
    ):
        if value is not None:
            found.append(col(column) == value)
    return found


def _reckoned(wanted: Wanted, today: date) -> list[Any]:
    found: list[Any] = []
    if wanted.stage is not None:
        found.append(col(Project.state).in_(states_of(wanted.stage)))
    if wanted.source is not None:
        inner = sa.select(MONEY.c.project_id).where(MONEY.c.kind == wanted.source)
        found.append(col(Project.id).in_(inner))
    if wanted.amount_from is not None:
        found.append(col(Project.total) >= wanted.amount_from)
    if wanted.amount_to is not None:
        found.append(col(Project.total) <= wanted.amount_to)
    if wanted.overdue is not None:
        late = sa.and_(col(Project.state).in_(LATE), PROJECT.c.planned_end < today)
        found.append(late if wanted.overdue else sa.not_(sa.func.coalesce(late, sa.false())))
    if wanted.bounds is not None:
        west, south, east, north = wanted.bounds
        inside = sa.and_(PLACE.c.lon.between(west, east), PLACE.c.lat.between(south, north))
        found.append(col(Project.id).in_(sa.select(PLACE.c.project_id).where(inside)))
    if wanted.q.strip():
        found.append(search.matches(col(Project.id), wanted.q))
    return found


async def listed(work: Work, asked: Asked, wanted: Wanted) -> Page[Project]:
    """A page of projects of the caller's regions."""
    return await page(
        work.session,
        _narrowed(work, wanted),
        asked,
        orders=ORDERS,
        key=col(Project.id),
        default="-created_at",
    )


async def places(work: Work, project_id: UUID) -> list[ProjectPlace]:
    """Where a project the caller was given stands."""
    query = select(ProjectPlace).where(ProjectPlace.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(ProjectPlace.position))))


async def money(work: Work, project_id: UUID) -> list[PlannedMoney]:
    """What a project the caller was given shall be paid from."""
    query = select(PlannedMoney).where(PlannedMoney.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(PlannedMoney.id))))


async def targets(work: Work, project_id: UUID) -> list[Target]:
    """What a project the caller was given promises."""
    query = select(Target).where(Target.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Target.position))))


async def replace(work: Work, table: sa.Table, project_id: UUID, rows: Sequence[Any]) -> None:
    """Put these rows in the place of a project's others."""
    await run(work.session, sa.delete(table).where(table.c.project_id == project_id))
    work.session.add_all(rows)
    await work.session.flush()


async def children(work: Work, parent_id: UUID) -> list[Project]:
    """The parts of a package or project, oldest first."""
    query = select(Project).where(
        Project.parent_id == parent_id, work.actor.where(May.PROJECT_READ, col(Project.region))
    )
    return list(await work.session.exec(query.order_by(col(Project.id))))


async def next_number(work: Work, district: str, year: int) -> int:
    """The next number of a district's year; two admissions at once get two numbers."""
    row = {"district": district, "year": year, "last": 0}
    await run(work.session, insert_once(work.session, COUNTER, row))
    here = (COUNTER.c.district == district, COUNTER.c.year == year)
    count = sa.update(COUNTER).where(*here).values(last=COUNTER.c.last + 1).returning(COUNTER.c.last)
    return int((await run(work.session, count)).scalar_one())


async def history(work: Work, project_id: UUID, after: int, limit: int) -> list[sa.Row[Any]]:
    """Events of a project the caller was given, in the order they were recorded."""
    log = event_log.c
    query = sa.select(event_log).where(log.subject == str(project_id), log.seq > after)
    return list(await run(work.session, query.order_by(log.seq).limit(limit)))


async def system_get(work: Work, project_id: UUID) -> Project:
    """One project, locked, for what other services told."""
    query = select(Project).where(Project.id == project_id).with_for_update()
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return found
