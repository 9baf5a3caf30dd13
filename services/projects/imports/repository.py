"""Every query about imports."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.imports.kinds import ImportState
from services.projects.imports.models import ImportJob, ImportRow
from services.projects.library.models import Project
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]
ROW: sa.Table = ImportRow.__table__  # type: ignore[attr-defined]
FAULTS, SHORT = 200, 2000


async def get(work: Work, job_id: UUID) -> ImportJob:
    """One import of the caller's regions; NotFound otherwise."""
    query = select(ImportJob).where(
        ImportJob.id == job_id, work.actor.where(May.PROJECT_DECLARE, col(ImportJob.region))
    )
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这次导入: {job_id}", f"No import {job_id}")
    return found


async def listed(work: Work, asked: Asked) -> Page[ImportJob]:
    """Imports of the caller's regions, the newest first."""
    query = select(ImportJob).where(work.actor.where(May.PROJECT_DECLARE, col(ImportJob.region)))
    orders = {"created_at": col(ImportJob.created_at)}
    return await page(work.session, query, asked, orders=orders, key=col(ImportJob.id), default="-created_at")


async def rows(work: Work, asked: Asked, job_id: UUID, *, wrong: bool | None) -> Page[ImportRow]:
    """What became of the rows of an import the caller was given."""
    query = select(ImportRow).where(ImportRow.job_id == job_id)
    if wrong is not None:
        query = query.where(ImportRow.wrong == wrong)
    orders = {"number": col(ImportRow.number)}
    return await page(work.session, query, asked, orders=orders, key=col(ImportRow.id), default="number")


async def wrong_rows(work: Work, job_id: UUID, most: int | None = None) -> list[sa.Row[Any]]:
    """(number, faults) of the wrong rows of an import the caller was given, in order."""
    query = sa.select(ROW.c.number, ROW.c.faults).where(ROW.c.job_id == job_id, ROW.c.wrong.is_(True))
    return list(await run(work.session, query.order_by(ROW.c.number).limit(most)))


async def project_ids(work: Work, job_id: UUID) -> list[UUID]:
    """The projects of the sound rows of a short import the caller was given, in order."""
    query = sa.select(ROW.c.project_id).where(
        ROW.c.job_id == job_id, ROW.c.project_id.is_not(None), ROW.c.wrong.is_(False)
    )
    return list((await run(work.session, query.order_by(ROW.c.number).limit(SHORT))).scalars())


async def system_seen(work: Work, job_id: UUID) -> dict[UUID, int]:
    """Project → the row that is it, of what an import has worked off."""
    query = sa.select(ROW.c.project_id, ROW.c.number).where(
        ROW.c.job_id == job_id, ROW.c.project_id.is_not(None), ROW.c.wrong.is_(False)
    )
    return {row.project_id: row.number for row in await run(work.session, query)}


async def system_next(work: Work) -> ImportJob | None:
    """The oldest import that is not finished."""
    query = select(ImportJob).where(ImportJob.state == ImportState.RUNNING).order_by(col(ImportJob.id))
    return (await work.session.exec(query.limit(1))).first()


async def system_take(work: Work, job_id: UUID) -> ImportJob | None:
    """The same one, locked; None when it is finished or another process works on it."""
    query = select(ImportJob).where(ImportJob.id == job_id, ImportJob.state == ImportState.RUNNING)
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_known(work: Work, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Those of the projects that are there, with the digest of how they were drafted."""
    columns = (PROJECT.c.id, PROJECT.c.created_digest, PROJECT.c.state)
    query = sa.select(*columns).where(PROJECT.c.id.in_(ids))
    return {row.id: row for row in await run(work.session, query)}


async def system_coded(work: Work, codes: Collection[str]) -> dict[str, UUID]:
    """Library code → project, of those the library has."""
    if not codes:
        return {}
    query = sa.select(PROJECT.c.library_code, PROJECT.c.id).where(PROJECT.c.library_code.in_(codes))
    return {row.library_code: row.id for row in await run(work.session, query)}


async def system_add(work: Work, values: Sequence[dict[str, Any]]) -> None:
    """Keep what became of rows; a row of an import that was kept before is refused by the table."""
    if values:
        await run(work.session, ROW.insert(), values)
