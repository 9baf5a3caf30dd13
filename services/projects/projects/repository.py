"""Queries on projects and their child rows, including package totals."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.projects.attachments.repository import system_build_kinds_query
from services.projects.changes.repository import system_build_open_change_query
from services.projects.commitments.repository import system_build_open_amount_query
from services.projects.progress.models import Progress
from services.projects.progress.repository import system_build_quantities_query
from services.projects.projects.guards import FULL_PERCENT
from services.projects.projects.lifecycle import (
    CONSTRUCTION_STATES,
    EDITABLE_STATES,
    REVIEW_STATES,
    Stage,
    State,
    list_states,
)
from services.projects.projects.models import (
    IS_BLOCKED,
    NOTICE_SUBJECT_KIND,
    CodeCounter,
    PlannedMoney,
    Project,
    ProjectPlace,
    Target,
)
from services.projects.projects.schemas import ApplicantKind, MoneyKind, ProjectRow
from services.projects.quantities.models import ProjectQuantity
from shared.auth import May, Role
from shared.clients.projects import ProjectMoved
from shared.db import (
    Rows,
    SelectsTogether,
    as_snapshot,
    delete_rows,
    event_log,
    execute_core,
    notice,
    search,
)
from shared.errors import NotFound
from shared.events import insert_once
from shared.http import Page, PageAnswer, PageParams, answer_page, list_page
from shared.notices.repository import build_objection_counts_query
from shared.unit_of_work import UnitOfWork

PROJECT_TABLE: sa.Table = Project.__table__  # type: ignore[attr-defined]
PLACE_TABLE: sa.Table = ProjectPlace.__table__  # type: ignore[attr-defined]
MONEY_TABLE: sa.Table = PlannedMoney.__table__  # type: ignore[attr-defined]
TARGET_TABLE: sa.Table = Target.__table__  # type: ignore[attr-defined]
COUNTER_TABLE: sa.Table = CodeCounter.__table__  # type: ignore[attr-defined]
PROJECT_COLUMNS = PROJECT_TABLE.c
QUANTITY_COLUMNS = ProjectQuantity.__table__.c  # type: ignore[attr-defined]
SORT_COLUMNS = {
    "created_at": col(Project.created_at),
    "updated_at": col(Project.updated_at),
    "total": col(Project.total),
}
LEAF_CATEGORY_DOTS = 2
"""Number of dots in the code of a category of the lowest level."""
OVERDUE_STATES = (State.PLANNED, *CONSTRUCTION_STATES)
"""States in which a project is overdue once its planned end has passed."""

CLEARABLE_STATES = (*EDITABLE_STATES, *REVIEW_STATES, State.RESERVE, State.PLANNED)
"""States in which a finding can still stop the project."""
ID_GROUPS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
"""First digit and length of the groups of an id as text."""
NO_TOWN_SUFFIX = "000000"
"""Digits after the county code in a region without a town."""
ORIGINS_BY_ROLE: dict[May, dict[Role, tuple[ApplicantKind, ...]]] = {
    May.PROJECT_DECLARE: {
        Role.VILLAGE_CLERK: (ApplicantKind.VILLAGE,),
        Role.TOWN_OFFICER: (ApplicantKind.TOWN,),
        Role.LINE_BUREAU: (ApplicantKind.DISTRICT,),
        Role.BUREAU: (ApplicantKind.DISTRICT,),
    },
    May.PROJECT_IMPLEMENT: {
        Role.TOWN_OFFICER: (ApplicantKind.VILLAGE, ApplicantKind.TOWN),
        Role.LINE_BUREAU: (ApplicantKind.DISTRICT,),
        Role.BUREAU: (ApplicantKind.DISTRICT,),
    },
}
"""Permissions that several roles hold for one project: the origin of the project decides whose task it is."""


@dataclass(frozen=True, slots=True)
class ProjectFilter:
    """Filter of a project list; None and empty values do not filter. Amounts in 分, bounds in degrees (west, south, east, north)."""

    region: str | None = None
    own: bool = False
    """Only projects of the region itself, not of regions below it."""
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
    behind: bool | None = None
    payment_behind: bool | None = None
    bounds: tuple[float, float, float, float] | None = None
    unit: Sequence[str] = ()
    q: str = ""


async def get_project(work: UnitOfWork, project_id: UUID, *, lock: bool = False) -> Project:
    """Load a project within the caller's regions; raise NotFound otherwise."""
    query = select(Project).where(
        Project.id == project_id, work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    )
    project = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if project is None:
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return project


async def find_projects(
    work: UnitOfWork, project_ids: Iterable[UUID], *, lock: bool = False
) -> dict[UUID, Project]:
    """Return projects of the caller's regions by id. Rows are locked in id order, so that concurrent requests cannot deadlock."""
    query = select(Project).where(
        col(Project.id).in_(set(project_ids)), work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    )
    query = query.order_by(col(Project.id))
    rows = await work.session.exec(query.with_for_update() if lock else query)
    return {project.id: project for project in rows}


def build_list_query(work: UnitOfWork, filters: ProjectFilter) -> SelectOfScalar[Project]:
    """Select the projects of a filter within the caller's regions."""
    query = select(Project).where(work.actor.scope_filter(May.PROJECT_READ, col(Project.region)))
    for condition in (
        *_build_column_conditions(work, filters),
        *_build_computed_conditions(filters, work.today),
    ):
        query = query.where(condition)
    return query


def _build_column_conditions(work: UnitOfWork, filters: ProjectFilter) -> list[Any]:
    conditions: list[Any] = []
    if filters.region:
        is_of = work.is_same_region if filters.own else work.within_region
        conditions.append(is_of(col(Project.region), filters.region))
    if filters.state:
        conditions.append(col(Project.state).in_(filters.state))
    if filters.category:
        category = PROJECT_TABLE.c.category
        is_same = category == filters.category
        is_below = category.startswith(f"{filters.category}.", autoescape=True)
        conditions.append(
            is_same if filters.category.count(".") == LEAF_CATEGORY_DOTS else sa.or_(is_same, is_below)
        )
    for column, value in (
        (Project.year, filters.year),
        (Project.plan_year, filters.plan_year),
        (Project.parent_id, filters.parent_id),
        (Project.counts_as_industry, filters.industry),
        (Project.household, filters.household),
    ):
        if value is not None:
            conditions.append(col(column) == value)
    if filters.blocked is not None:
        conditions.append(IS_BLOCKED if filters.blocked else col(Project.blocked).is_(False))
    return conditions


def _build_computed_conditions(filters: ProjectFilter, today: date) -> list[Any]:
    conditions: list[Any] = []
    if filters.stage is not None:
        conditions.append(col(Project.state).in_(list_states(filters.stage)))
    if filters.source is not None:
        project_ids = sa.select(MONEY_TABLE.c.project_id).where(MONEY_TABLE.c.kind == filters.source)
        conditions.append(col(Project.id).in_(project_ids))
    if filters.amount_from is not None:
        conditions.append(col(Project.total) >= filters.amount_from)
    if filters.amount_to is not None:
        conditions.append(col(Project.total) <= filters.amount_to)
    for wanted, condition in (
        (filters.overdue, build_overdue_condition(today)),
        (filters.behind, build_behind_condition(today, "schedule_due_on")),
        (filters.payment_behind, build_behind_condition(today, "payment_due_on")),
    ):
        if wanted is not None:
            conditions.append(condition if wanted else sa.not_(sa.func.coalesce(condition, sa.false())))
    conditions += _build_child_conditions(filters)
    if filters.q.strip():
        conditions.append(search.match_condition(col(Project.id), filters.q))
    return conditions


def _build_child_conditions(filters: ProjectFilter) -> list[Any]:
    """Conditions on the places and quantities of a project."""
    conditions: list[Any] = []
    if filters.bounds is not None:
        west, south, east, north = filters.bounds
        in_bounds = sa.and_(PLACE_TABLE.c.lon.between(west, east), PLACE_TABLE.c.lat.between(south, north))
        conditions.append(col(Project.id).in_(sa.select(PLACE_TABLE.c.project_id).where(in_bounds)))
    if filters.unit:
        measured = sa.select(QUANTITY_COLUMNS.project_id).where(QUANTITY_COLUMNS.unit.in_(filters.unit))
        conditions += [col(Project.is_package).is_(False), col(Project.id).in_(measured)]
    return conditions


def build_overdue_condition(today: date) -> sa.ColumnElement[bool]:
    """Whether a project is past its planned end before it is completed."""
    return sa.and_(PROJECT_COLUMNS.state.in_(OVERDUE_STATES), PROJECT_COLUMNS.planned_end < today)


def build_behind_condition(today: date, column: str) -> sa.ColumnElement[bool]:
    """Whether less is built (`schedule_due_on`) or paid (`payment_due_on`) than planned for a month that is over."""
    return sa.and_(PROJECT_COLUMNS.state.in_(OVERDUE_STATES), PROJECT_COLUMNS[column] < today)


def build_blocked_condition() -> sa.ColumnElement[bool]:
    """Whether a finding of the screening stops a project that is not under construction yet."""
    return sa.and_(IS_BLOCKED, PROJECT_COLUMNS.state.in_(CLEARABLE_STATES))


def build_town_condition() -> sa.ColumnElement[bool]:
    """Whether a project lies in a town; the twin of the guard `belongs_to_town`."""
    return sa.func.substr(PROJECT_COLUMNS.region, 7, 6) != NO_TOWN_SUFFIX


def build_fully_built_condition() -> sa.ColumnElement[bool]:
    """Whether the last progress report says that all is built; the twin of the guard `construction_complete`."""
    return PROJECT_COLUMNS.physical_percent == FULL_PERCENT


def build_responsibility_condition(work: UnitOfWork, permission: May) -> sa.ColumnElement[bool]:
    """Whether it is the caller's task, where several roles hold the permission: the origin of the project decides."""
    if permission not in ORIGINS_BY_ROLE:
        return sa.true()
    own = [PROJECT_COLUMNS.created_by == work.actor.id, PROJECT_COLUMNS.declared_by == work.actor.id]
    for grant in work.actor.grants:
        if origins := ORIGINS_BY_ROLE[permission].get(grant.role):
            within = work.within_region(PROJECT_COLUMNS.region, grant.region)
            own.append(sa.and_(PROJECT_COLUMNS.origin.in_(origins), within))
    return sa.or_(*own)


async def list_projects(work: UnitOfWork, params: PageParams, filters: ProjectFilter) -> PageAnswer:
    """Return a page of projects within the caller's regions."""
    return await answer_page(
        work.session,
        build_list_query(work, filters),
        params,
        read=ProjectRow,
        orders=SORT_COLUMNS,
        key=col(Project.id),
        default="-created_at",
    )


async def list_project_records(work: UnitOfWork, params: PageParams, filters: ProjectFilter) -> Page[Project]:
    """Return a page of projects within the caller's regions, to read all of them."""
    return await list_page(
        work.session,
        build_list_query(work, filters),
        params,
        orders=SORT_COLUMNS,
        key=col(Project.id),
        default="-created_at",
    )


async def list_places(work: UnitOfWork, project_id: UUID) -> list[ProjectPlace]:
    """Return the places of a project in their order. The caller has checked access to the project."""
    query = select(ProjectPlace).where(ProjectPlace.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(ProjectPlace.position))))


@dataclass(frozen=True, slots=True)
class ProjectRecords:
    """The rows that belong to a project, and what its guards ask of other features; amounts in 分."""

    places: Sequence[Any]
    money: Sequence[Any]
    targets: Sequence[Any]
    reports: Sequence[Any]
    """Quantities of its progress reports, oldest first."""
    documents: frozenset[str]
    notices: Sequence[Any]
    change_open: bool
    committed: int


_PROJECT_ID: sa.BindParameter[UUID] = sa.bindparam("project_id", type_=sa.Uuid())
_PLACES = (
    sa.select(PLACE_TABLE).where(PLACE_TABLE.c.project_id == _PROJECT_ID).order_by(PLACE_TABLE.c.position)
)
_MONEY = sa.select(MONEY_TABLE).where(MONEY_TABLE.c.project_id == _PROJECT_ID).order_by(MONEY_TABLE.c.id)
_PLACES_AND_MONEY = SelectsTogether(places=_PLACES, money=_MONEY)
_RECORD_SELECTS: dict[str, sa.SelectBase] = {
    "places": _PLACES,
    "money": _MONEY,
    "targets": sa.select(TARGET_TABLE)
    .where(TARGET_TABLE.c.project_id == _PROJECT_ID)
    .order_by(TARGET_TABLE.c.position),
    "reports": system_build_quantities_query(_PROJECT_ID),
    "documents": system_build_kinds_query(_PROJECT_ID),
    "notices": build_objection_counts_query(
        NOTICE_SUBJECT_KIND, notice.c.subject == sa.bindparam("subject", type_=sa.String())
    ),
    "changes": system_build_open_change_query(_PROJECT_ID),
    "committed": system_build_open_amount_query(_PROJECT_ID),
}


_RECORDS = SelectsTogether(**_RECORD_SELECTS)
_PROJECT_WITH_RECORDS = SelectsTogether(
    project=sa.select(PROJECT_TABLE).where(PROJECT_COLUMNS.id == _PROJECT_ID), **_RECORD_SELECTS
)


async def list_records(work: UnitOfWork, project_id: UUID) -> ProjectRecords:
    """Return the rows that belong to a project, from one statement. The caller has checked access to the project."""
    found = await _RECORDS.read(work.session, project_id=project_id, subject=str(project_id))
    return _build_records(found)


async def get_project_with_records(work: UnitOfWork, project_id: UUID) -> tuple[Project, ProjectRecords]:
    """Return a project of the caller's regions, to read, and the rows that belong to it, from one statement."""
    found = await _PROJECT_WITH_RECORDS.read(work.session, project_id=project_id, subject=str(project_id))
    row = next(iter(found["project"]), None)
    if row is None or not work.actor.has_access(May.PROJECT_READ, row.region):
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return as_snapshot(Project, row), _build_records(found)


def _build_records(found: Rows) -> ProjectRecords:
    return ProjectRecords(
        places=found["places"],
        money=found["money"],
        targets=found["targets"],
        reports=found["reports"][::-1],
        documents=frozenset(row.kind for row in found["documents"]),
        notices=found["notices"],
        change_open=bool(found["changes"]),
        committed=found["committed"][0].amount,
    )


async def list_places_and_money(work: UnitOfWork, project_id: UUID) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the places and the planned funding of a project. The caller has checked access to the project."""
    found = await _PLACES_AND_MONEY.read(work.session, project_id=project_id)
    return found["places"], found["money"]


async def list_planned_money(work: UnitOfWork, project_id: UUID) -> list[PlannedMoney]:
    """Return the planned funding of a project. The caller has checked access to the project."""
    query = select(PlannedMoney).where(PlannedMoney.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(PlannedMoney.id))))


async def list_targets(work: UnitOfWork, project_id: UUID) -> list[Target]:
    """Return the performance targets of a project in their order. The caller has checked access to the project."""
    query = select(Target).where(Target.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Target.position))))


async def replace_rows(work: UnitOfWork, table: sa.Table, project_id: UUID, rows: Sequence[Any]) -> None:
    """Replace all rows of a project in a child table."""
    await delete_rows(work.session, table, table.c.project_id == project_id)
    work.session.add_all(rows)
    await work.session.flush()


async def list_children(work: UnitOfWork, parent_id: UUID) -> list[Project]:
    """Return the direct children of a package or project, oldest first."""
    query = select(Project).where(
        Project.parent_id == parent_id, work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    )
    return list(await work.session.exec(query.order_by(col(Project.id))))


async def allocate_code_number(work: UnitOfWork, district: str, year: int) -> int:
    """Return the next serial number of a district and year; the UPDATE is atomic, so concurrent admissions get different numbers."""
    row = {"district": district, "year": year, "last": 0}
    await execute_core(work.session, insert_once(work.session, COUNTER_TABLE, row))
    conditions = (COUNTER_TABLE.c.district == district, COUNTER_TABLE.c.year == year)
    statement = (
        sa.update(COUNTER_TABLE)
        .where(*conditions)
        .values(last=COUNTER_TABLE.c.last + 1)
        .returning(COUNTER_TABLE.c.last)
    )
    return int((await execute_core(work.session, statement)).scalar_one())


async def list_history(work: UnitOfWork, project_id: UUID, after: int, limit: int) -> list[sa.Row[Any]]:
    """Return events of a project in log order. The caller has checked access to the project."""
    log = event_log.c
    query = sa.select(event_log).where(log.subject == str(project_id), log.seq > after)
    return list(await execute_core(work.session, query.order_by(log.seq).limit(limit)))


def build_own_works_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Whether the caller, with any account, started the project or reported its progress.

    Who started it is known from the event log, whose subject is the id as text with dashes on both databases.
    """
    log, own = event_log.c, work.actor.own_accounts
    digits = sa.func.replace(sa.cast(PROJECT_COLUMNS.id, sa.String()), "-", "")
    groups: list[sa.ColumnElement[str]] = [
        sa.func.substr(digits, first, length) for first, length in ID_GROUPS
    ]
    subject = functools.reduce(lambda text, group: text.concat("-").concat(group), groups)
    started = sa.exists().where(
        log.subject == subject,
        log.type == ProjectMoved.topic,
        log.actor.in_(own),
        log.after["was"].as_string() == State.PLANNED.value,
        log.after["now"].as_string() == State.STARTED.value,
    )
    reported = sa.exists().where(
        col(Progress.project_id) == PROJECT_COLUMNS.id, col(Progress.reported_by).in_(own)
    )
    return sa.or_(reported, started)


async def took_part_in_works(work: UnitOfWork, project_id: UUID) -> bool:
    """Whether the caller started a project or reported its progress. The caller has checked access to the project."""
    query = sa.select(PROJECT_COLUMNS.id).where(
        PROJECT_COLUMNS.id == project_id, build_own_works_condition(work)
    )
    return (await execute_core(work.session, query)).first() is not None


async def system_get_project(work: UnitOfWork, project_id: UUID) -> Project:
    """Load and lock a project for an event of another service; no access scope applies."""
    query = select(Project).where(Project.id == project_id).with_for_update()
    project = (await work.session.exec(query)).first()
    if project is None:
        raise NotFound(f"没有这个项目: {project_id}", f"No project {project_id}")
    return project


async def sum_parts(work: UnitOfWork, project_id: UUID) -> sa.Row[Any]:
    """Return counts and amounts (分) of the leaf projects below a package, two levels deep."""
    child_ids = sa.select(PROJECT_COLUMNS.id).where(PROJECT_COLUMNS.parent_id == project_id)
    is_below = sa.or_(PROJECT_COLUMNS.parent_id == project_id, PROJECT_COLUMNS.parent_id.in_(child_ids))
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(PROJECT_COLUMNS[name]), 0), sa.BigInteger).label(name)
        for name in ("total", "allocated", "paid", "settled")
    ]
    is_completed = sa.case((PROJECT_COLUMNS.state.in_(list_states(Stage.COMPLETED)), 1), else_=0)
    query = sa.select(
        sa.func.count().label("count"),
        *sums,
        sa.func.coalesce(sa.func.sum(is_completed), 0).label("completed"),
    ).where(
        is_below,
        PROJECT_COLUMNS.is_package.is_(False),
        PROJECT_COLUMNS.state.not_in(list_states(Stage.OUT)),
        work.actor.scope_filter(May.PROJECT_READ, PROJECT_COLUMNS.region),
    )
    return (await execute_core(work.session, query)).one()
