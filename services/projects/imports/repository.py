"""Queries on imports and exports."""

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.imports.models import ImportJob, ImportMapping, ImportRow
from services.projects.projects import repository as projects
from services.projects.projects.models import PlannedMoney, Project, ProjectPlace
from services.projects.projects.repository import PROJECT_COLUMNS, ProjectFilter
from services.projects.quantities.models import ProjectQuantity
from services.projects.quantities.rules import PLACES
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.imports.schemas import ImportState
from shared.unit_of_work import UnitOfWork

EXPORT_BATCH_ROWS = 500
MAX_SHOWN_FAULTS, MAX_SHOWN_PROJECTS = 200, 2000
MAPPING_TABLE: sa.Table = ImportMapping.__table__  # type: ignore[attr-defined]
ROW_TABLE: sa.Table = ImportRow.__table__  # type: ignore[attr-defined]


async def iterate_projects(work: UnitOfWork, filters: ProjectFilter) -> AsyncGenerator[list[Project]]:
    """Yield projects within the caller's regions page by page, oldest first."""
    cursor = ""
    while True:
        page = await projects.list_project_records(
            work, PageParams(EXPORT_BATCH_ROWS, cursor, "created_at"), filters
        )
        yield page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


async def list_planned_money(work: UnitOfWork, project_ids: Sequence[UUID]) -> dict[UUID, list[PlannedMoney]]:
    """Return the planned funding of several projects. The caller has checked access to the projects."""
    rows_by_project: dict[UUID, list[PlannedMoney]] = {project_id: [] for project_id in project_ids}
    for row in await work.session.exec(
        select(PlannedMoney).where(col(PlannedMoney.project_id).in_(project_ids))
    ):
        rows_by_project[row.project_id].append(row)
    return rows_by_project


async def list_places(work: UnitOfWork, project_ids: Sequence[UUID]) -> dict[UUID, list[ProjectPlace]]:
    """Return the places of several projects in their order. The caller has checked access to the projects."""
    rows_by_project: dict[UUID, list[ProjectPlace]] = {project_id: [] for project_id in project_ids}
    query = select(ProjectPlace).where(col(ProjectPlace.project_id).in_(project_ids))
    for row in await work.session.exec(query.order_by(col(ProjectPlace.position))):
        rows_by_project[row.project_id].append(row)
    return rows_by_project


async def list_done_quantities(
    work: UnitOfWork, project_ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """Return what is done of the quantities of several projects. The caller has checked access to the projects."""
    rows_by_project: dict[UUID, list[dict[str, Any]]] = {project_id: [] for project_id in project_ids}
    query = select(ProjectQuantity).where(
        col(ProjectQuantity.project_id).in_(project_ids), ProjectQuantity.done > 0
    )
    for row in await work.session.exec(
        query.order_by(col(ProjectQuantity.project_id), col(ProjectQuantity.position))
    ):
        amount = {"name": row.name, "amount": row.done * PLACES, "unit": row.unit}
        rows_by_project[row.project_id].append(amount)
    return rows_by_project


async def get_import(work: UnitOfWork, job_id: UUID) -> ImportJob:
    """Load an import within the caller's regions; raise NotFound otherwise."""
    query = select(ImportJob).where(
        ImportJob.id == job_id, work.actor.scope_filter(May.PROJECT_DECLARE, col(ImportJob.region))
    )
    job = (await work.session.exec(query)).first()
    if job is None:
        raise NotFound(f"没有这次导入: {job_id}", f"No import {job_id}")
    return job


async def list_imports(work: UnitOfWork, params: PageParams) -> Page[ImportJob]:
    """Return a page of imports within the caller's regions, newest first."""
    query = select(ImportJob).where(work.actor.scope_filter(May.PROJECT_DECLARE, col(ImportJob.region)))
    orders = {"created_at": col(ImportJob.created_at)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(ImportJob.id), default="-created_at"
    )


async def list_rows(
    work: UnitOfWork, params: PageParams, job_id: UUID, *, wrong: bool | None
) -> Page[ImportRow]:
    """Return a page of row results of an import. The caller has checked access to the import."""
    query = select(ImportRow).where(ImportRow.job_id == job_id)
    if wrong is not None:
        query = query.where(ImportRow.wrong == wrong)
    orders = {"position": col(ImportRow.position)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(ImportRow.id), default="position"
    )


async def list_wrong_rows(work: UnitOfWork, job_id: UUID, limit: int | None = None) -> list[sa.Row[Any]]:
    """Return (position, number, sheet, faults) of the faulty rows in order. The caller has checked access to the import."""
    columns = ROW_TABLE.c
    query = sa.select(columns.position, columns.number, columns.sheet, columns.faults).where(
        columns.job_id == job_id, columns.wrong.is_(True)
    )
    return list(await execute_core(work.session, query.order_by(columns.position).limit(limit)))


async def list_differing_rows(work: UnitOfWork, job_id: UUID, limit: int | None = None) -> list[sa.Row[Any]]:
    """Return (position, number, sheet, project_id, differs) of the rows that differ from the library, in order.

    The caller has checked access to the import.
    """
    columns = ROW_TABLE.c
    query = sa.select(
        columns.position, columns.number, columns.sheet, columns.project_id, columns.differs
    ).where(columns.job_id == job_id, columns.is_different.is_(True))
    return list(await execute_core(work.session, query.order_by(columns.position).limit(limit)))


async def list_project_ids(work: UnitOfWork, job_id: UUID) -> list[UUID]:
    """Return the project ids of the valid rows in order, at most `MAX_SHOWN_PROJECTS`. The caller has checked access to the import."""
    query = sa.select(ROW_TABLE.c.project_id).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.project_id.is_not(None), ROW_TABLE.c.wrong.is_(False)
    )
    return list(
        (
            await execute_core(work.session, query.order_by(ROW_TABLE.c.position).limit(MAX_SHOWN_PROJECTS))
        ).scalars()
    )


async def system_get_row_numbers(work: UnitOfWork, job_id: UUID) -> dict[UUID, tuple[str, int]]:
    """Map project id to sheet and row number for the rows an import has already processed."""
    query = sa.select(ROW_TABLE.c.project_id, ROW_TABLE.c.sheet, ROW_TABLE.c.number).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.project_id.is_not(None), ROW_TABLE.c.wrong.is_(False)
    )
    return {row.project_id: (row.sheet, row.number) for row in await execute_core(work.session, query)}


async def system_find_next_import(work: UnitOfWork) -> ImportJob | None:
    """Return the oldest unfinished import, or None."""
    query = select(ImportJob).where(ImportJob.state == ImportState.RUNNING).order_by(col(ImportJob.id))
    return (await work.session.exec(query.limit(1))).first()


async def system_lock_import(work: UnitOfWork, job_id: UUID) -> ImportJob | None:
    """Lock an unfinished import; None when it is finished or locked by another process (SKIP LOCKED)."""
    query = select(ImportJob).where(ImportJob.id == job_id, ImportJob.state == ImportState.RUNNING)
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_find_existing(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return id, creation digest and state of those projects that exist."""
    columns = (PROJECT_COLUMNS.id, PROJECT_COLUMNS.created_digest, PROJECT_COLUMNS.state)
    query = sa.select(*columns).where(PROJECT_COLUMNS.id.in_(ids))
    return {row.id: row for row in await execute_core(work.session, query)}


async def find_known_projects(
    work: UnitOfWork, district: str, codes: Collection[str], ids: Collection[UUID]
) -> list[Project]:
    """Return the projects of a district that have one of these library codes or ids."""
    if not codes and not ids:
        return []
    query = select(Project).where(
        sa.or_(col(Project.library_code).in_(codes), col(Project.id).in_(ids)),
        work.within_region(col(Project.region), district),
        work.actor.scope_filter(May.PROJECT_DECLARE, col(Project.region)),
    )
    return list(await work.session.exec(query))


async def system_insert_rows(work: UnitOfWork, values: Sequence[dict[str, Any]]) -> None:
    """Insert row results; the unique constraint rejects a row that was processed before."""
    if values:
        await execute_core(work.session, ROW_TABLE.insert(), values)
