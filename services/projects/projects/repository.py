"""Queries on projects and their child rows, including package totals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.projects.projects.lifecycle import CONSTRUCTION_STATES, Stage, State, list_states
from services.projects.projects.models import CodeCounter, PlannedMoney, Project, ProjectPlace, Target
from services.projects.projects.schemas import MoneyKind
from shared.auth import May, region_bounds
from shared.db import event_log, execute_core, search
from shared.errors import NotFound
from shared.events import insert_once
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

PROJECT_TABLE: sa.Table = Project.__table__  # type: ignore[attr-defined]
PLACE_TABLE: sa.Table = ProjectPlace.__table__  # type: ignore[attr-defined]
MONEY_TABLE: sa.Table = PlannedMoney.__table__  # type: ignore[attr-defined]
TARGET_TABLE: sa.Table = Target.__table__  # type: ignore[attr-defined]
COUNTER_TABLE: sa.Table = CodeCounter.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {
    "created_at": col(Project.created_at),
    "updated_at": col(Project.updated_at),
    "total": col(Project.total),
}
LEAF_CATEGORY_DOTS = 2
"""Dots in a category that has none below it."""
OVERDUE_STATES = (State.PLANNED, *CONSTRUCTION_STATES)
"""States in which a planned end that has passed is overdue."""


@dataclass(frozen=True, slots=True)
class ProjectFilter:
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


async def get_project(work: UnitOfWork, project_id: UUID, *, lock: bool = False) -> Project:
    """One project of the caller's regions; NotFound otherwise."""
    query = select(Project).where(
        Project.id == project_id, work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return found


async def find_projects(
    work: UnitOfWork, project_ids: Iterable[UUID], *, lock: bool = False
) -> dict[UUID, Project]:
    """Projects of the caller's regions by id, locked in the order of their ids."""
    query = select(Project).where(
        col(Project.id).in_(set(project_ids)), work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    )
    query = query.order_by(col(Project.id))
    rows = await work.session.exec(query.with_for_update() if lock else query)
    return {project.id: project for project in rows}


def _build_list_query(work: UnitOfWork, wanted: ProjectFilter) -> SelectOfScalar[Project]:
    query = select(Project).where(work.actor.scope_filter(May.PROJECT_READ, col(Project.region)))
    for condition in (*_build_column_conditions(wanted), *_build_computed_conditions(wanted, work.today)):
        query = query.where(condition)
    return query


def _build_column_conditions(wanted: ProjectFilter) -> list[Any]:
    found: list[Any] = []
    if wanted.region:
        mine = col(Project.region)
        found.append(mine == wanted.region if wanted.own else mine.between(*region_bounds(wanted.region)))
    if wanted.state:
        found.append(col(Project.state).in_(wanted.state))
    if wanted.category:
        kind = PROJECT_TABLE.c.category
        same = kind == wanted.category
        below = kind.startswith(f"{wanted.category}.", autoescape=True)
        found.append(same if wanted.category.count(".") == LEAF_CATEGORY_DOTS else sa.or_(same, below))
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


def _build_computed_conditions(wanted: ProjectFilter, today: date) -> list[Any]:
    found: list[Any] = []
    if wanted.stage is not None:
        found.append(col(Project.state).in_(list_states(wanted.stage)))
    if wanted.source is not None:
        inner = sa.select(MONEY_TABLE.c.project_id).where(MONEY_TABLE.c.kind == wanted.source)
        found.append(col(Project.id).in_(inner))
    if wanted.amount_from is not None:
        found.append(col(Project.total) >= wanted.amount_from)
    if wanted.amount_to is not None:
        found.append(col(Project.total) <= wanted.amount_to)
    if wanted.overdue is not None:
        late = sa.and_(col(Project.state).in_(OVERDUE_STATES), PROJECT_TABLE.c.planned_end < today)
        found.append(late if wanted.overdue else sa.not_(sa.func.coalesce(late, sa.false())))
    if wanted.bounds is not None:
        west, south, east, north = wanted.bounds
        inside = sa.and_(PLACE_TABLE.c.lon.between(west, east), PLACE_TABLE.c.lat.between(south, north))
        found.append(col(Project.id).in_(sa.select(PLACE_TABLE.c.project_id).where(inside)))
    if wanted.q.strip():
        found.append(search.match_condition(col(Project.id), wanted.q))
    return found


async def list_projects(work: UnitOfWork, asked: PageParams, wanted: ProjectFilter) -> Page[Project]:
    """A page of projects of the caller's regions."""
    return await list_page(
        work.session,
        _build_list_query(work, wanted),
        asked,
        orders=SORT_COLUMNS,
        key=col(Project.id),
        default="-created_at",
    )


async def list_places(work: UnitOfWork, project_id: UUID) -> list[ProjectPlace]:
    """Where a project the caller was given stands."""
    query = select(ProjectPlace).where(ProjectPlace.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(ProjectPlace.position))))


async def list_planned_money(work: UnitOfWork, project_id: UUID) -> list[PlannedMoney]:
    """What a project the caller was given shall be paid from."""
    query = select(PlannedMoney).where(PlannedMoney.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(PlannedMoney.id))))


async def list_targets(work: UnitOfWork, project_id: UUID) -> list[Target]:
    """What a project the caller was given promises."""
    query = select(Target).where(Target.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Target.position))))


async def replace_rows(work: UnitOfWork, table: sa.Table, project_id: UUID, rows: Sequence[Any]) -> None:
    """Put these rows in the place of a project's others."""
    await execute_core(work.session, sa.delete(table).where(table.c.project_id == project_id))
    work.session.add_all(rows)
    await work.session.flush()


async def list_children(work: UnitOfWork, parent_id: UUID) -> list[Project]:
    """The parts of a package or project, oldest first."""
    query = select(Project).where(
        Project.parent_id == parent_id, work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    )
    return list(await work.session.exec(query.order_by(col(Project.id))))


async def allocate_code_number(work: UnitOfWork, district: str, year: int) -> int:
    """The next number of a district's year; two admissions at once get two numbers."""
    row = {"district": district, "year": year, "last": 0}
    await execute_core(work.session, insert_once(work.session, COUNTER_TABLE, row))
    here = (COUNTER_TABLE.c.district == district, COUNTER_TABLE.c.year == year)
    count = (
        sa.update(COUNTER_TABLE)
        .where(*here)
        .values(last=COUNTER_TABLE.c.last + 1)
        .returning(COUNTER_TABLE.c.last)
    )
    return int((await execute_core(work.session, count)).scalar_one())


async def list_history(work: UnitOfWork, project_id: UUID, after: int, limit: int) -> list[sa.Row[Any]]:
    """Events of a project the caller was given, in the order they were recorded."""
    log = event_log.c
    query = sa.select(event_log).where(log.subject == str(project_id), log.seq > after)
    return list(await execute_core(work.session, query.order_by(log.seq).limit(limit)))


async def system_get_project(work: UnitOfWork, project_id: UUID) -> Project:
    """One project, locked, for what other services told."""
    query = select(Project).where(Project.id == project_id).with_for_update()
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return found


PROJECT_COLUMNS = PROJECT_TABLE.c


async def sum_parts(work: UnitOfWork, project_id: UUID) -> sa.Row[Any]:
    """Counts and 分 of the parts of a package that have no parts themselves."""
    inner = sa.select(PROJECT_COLUMNS.id).where(PROJECT_COLUMNS.parent_id == project_id)
    below = sa.or_(PROJECT_COLUMNS.parent_id == project_id, PROJECT_COLUMNS.parent_id.in_(inner))
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(PROJECT_COLUMNS[name]), 0), sa.BigInteger).label(name)
        for name in ("total", "allocated", "paid", "settled")
    ]
    done = sa.case((PROJECT_COLUMNS.state.in_(list_states(Stage.COMPLETED)), 1), else_=0)
    query = sa.select(
        sa.func.count().label("count"), *sums, sa.func.coalesce(sa.func.sum(done), 0).label("completed")
    ).where(
        below,
        PROJECT_COLUMNS.is_package.is_(False),
        PROJECT_COLUMNS.state.not_in(list_states(Stage.OUT)),
        work.actor.scope_filter(May.PROJECT_READ, PROJECT_COLUMNS.region),
    )
    return (await execute_core(work.session, query)).one()
