"""Queries of jobs in the caller's regions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.households.jobs.lifecycle import JobState
from services.households.jobs.models import HelpJob
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

JOBS: sa.Table = HelpJob.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"created_at": col(HelpJob.created_at)}


def _scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.HOUSEHOLD_READ, col(HelpJob.region))


async def get_job(work: UnitOfWork, job_id: UUID, *, lock: bool = False) -> HelpJob:
    """Get a job; raises NotFound."""
    query = select(HelpJob).where(HelpJob.id == job_id, _scope(work))
    job = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if job is None:
        raise NotFound("没有这个岗位", "No such job")
    return job


async def list_jobs(
    work: UnitOfWork, params: PageParams, region: str | None, filters: Mapping[str, Any]
) -> Page[HelpJob]:
    """List a page of jobs."""
    conditions = [JOBS.c[name] == value for name, value in filters.items() if value is not None]
    if region:
        conditions.append(work.within_region(JOBS.c.region, region))
    query = select(HelpJob).where(_scope(work), *conditions)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(HelpJob.id), default="-created_at"
    )


async def system_list_held(work: UnitOfWork, mark: str) -> list[HelpJob]:
    """The jobs that a person holds, whoever may see them."""
    query = select(HelpJob).where(HelpJob.id_mark == mark, HelpJob.state == JobState.HELD)
    return list(await work.session.exec(query))


async def sum_jobs(work: UnitOfWork, region: str) -> list[sa.Row[Any]]:
    """Rows (kind, people who hold a job, people ever, paid in 分) of a region."""
    query = sa.select(
        JOBS.c.kind,
        sa.func.count().filter(JOBS.c.state == JobState.HELD).label("held"),
        sa.func.count().label("jobs"),
        sa.cast(sa.func.coalesce(sa.func.sum(JOBS.c.paid_total), 0), sa.BigInteger).label("paid"),
    ).where(
        work.actor.scope_filter(May.HOUSEHOLD_SUMMARY_READ, JOBS.c.region),
        work.within_region(JOBS.c.region, region),
    )
    return list(await execute_core(work.session, query.group_by(JOBS.c.kind).order_by(JOBS.c.kind)))
