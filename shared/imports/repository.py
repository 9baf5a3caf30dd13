"""Queries of imports; except for `system_…` only within the caller's regions and kinds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.imports.models import ImportConfig, ImportJobRow, ImportResultRow
from shared.imports.schemas import ImportState
from shared.unit_of_work import UnitOfWork

MAX_SHOWN_FAULTS = 200


def _scope(work: UnitOfWork, config: ImportConfig) -> sa.ColumnElement[bool]:
    """The imports of the kinds that the caller may import, in the regions where they may."""
    row = config.job
    return sa.or_(
        *(
            sa.and_(col(row.kind) == kind.name, work.actor.scope_filter(may, col(row.region)))
            for kind in config.kinds
            for may in kind.mays
        )
    )


async def get_import(work: UnitOfWork, config: ImportConfig, job_id: UUID) -> ImportJobRow:
    """Load an import; NotFound outside of the caller's kinds and regions."""
    query = select(config.job).where(config.job.id == job_id, _scope(work, config))
    job = (await work.session.exec(query)).first()
    if job is None:
        raise NotFound(f"没有这次导入: {job_id}", f"No import {job_id}")
    return job


async def list_imports(
    work: UnitOfWork, config: ImportConfig, params: PageParams, kind: str | None
) -> Page[ImportJobRow]:
    """A page of imports, newest first."""
    query = select(config.job).where(_scope(work, config))
    if kind:
        query = query.where(col(config.job.kind) == kind)
    orders = {"created_at": col(config.job.created_at)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(config.job.id), default="-created_at"
    )


async def list_rows(
    work: UnitOfWork, config: ImportConfig, params: PageParams, job_id: UUID, *, wrong: bool | None
) -> Page[ImportResultRow]:
    """A page of row results. The caller has checked access to the import."""
    row = config.result
    query = select(row).where(row.job_id == job_id)
    if wrong is not None:
        query = query.where(col(row.wrong) == wrong)
    orders = {"position": col(row.position)}
    return await list_page(work.session, query, params, orders=orders, key=col(row.id), default="position")


async def list_told_rows(
    work: UnitOfWork, config: ImportConfig, job_id: UUID, limit: int | None = None
) -> list[sa.Row[Any]]:
    """The rows that are wrong or differ, in order. The caller has checked access to the import."""
    columns = config.result_table.c
    query = sa.select(config.result_table).where(
        columns.job_id == job_id, sa.or_(columns.wrong.is_(True), columns.is_different.is_(True))
    )
    return list(await execute_core(work.session, query.order_by(columns.position).limit(limit)))


async def system_list_valid_positions(
    work: UnitOfWork, config: ImportConfig, job_id: UUID
) -> dict[int, bool]:
    """The positions of the valid rows → whether the row was there before."""
    columns = config.result_table.c
    query = sa.select(columns.position, columns.already).where(
        columns.job_id == job_id, columns.wrong.is_(False)
    )
    return {row.position: row.already for row in await execute_core(work.session, query)}


async def system_find_next_import(work: UnitOfWork, config: ImportConfig) -> ImportJobRow | None:
    """The oldest unfinished import, or None."""
    query = select(config.job).where(config.job.state == ImportState.RUNNING).order_by(col(config.job.id))
    return (await work.session.exec(query.limit(1))).first()


async def system_lock_import(work: UnitOfWork, config: ImportConfig, job_id: UUID) -> ImportJobRow | None:
    """Lock an unfinished import; None when it is finished or locked by another process (SKIP LOCKED)."""
    query = select(config.job).where(config.job.id == job_id, config.job.state == ImportState.RUNNING)
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_insert_rows(
    work: UnitOfWork, config: ImportConfig, values: Sequence[dict[str, Any]]
) -> None:
    """Insert row results; the unique constraint rejects a row that was processed before."""
    if values:
        await execute_core(work.session, config.result_table.insert(), values)
