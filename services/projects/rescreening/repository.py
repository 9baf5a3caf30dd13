"""Every query about screening the whole library."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.library.models import Project
from services.projects.library.states import State
from services.projects.screening.kinds import JobKind, JobState
from services.projects.screening.models import Job, JobChange
from shared.access import span
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]
CHANGE: sa.Table = JobChange.__table__  # type: ignore[attr-defined]
OVER = (State.WITHDRAWN, State.TERMINATED, State.CLOSED, State.DRAFT)
"""Projects whose screening no longer, or not yet, matters."""


async def get(work: Work, job_id: UUID) -> Job:
    """One job of the caller's regions; NotFound otherwise."""
    query = select(Job).where(Job.id == job_id, work.actor.where(May.RULE_READ, col(Job.region)))
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这次全库筛查: {job_id}", f"No job {job_id}")
    return found


async def listed(work: Work, asked: Asked) -> Page[Job]:
    """Jobs of the caller's regions, the newest first."""
    query = select(Job).where(work.actor.where(May.RULE_READ, col(Job.region)))
    orders = {"created_at": col(Job.created_at)}
    return await page(work.session, query, asked, orders=orders, key=col(Job.id), default="-created_at")


async def changes(work: Work, asked: Asked, job_id: UUID) -> Page[JobChange]:
    """Projects of the caller's regions that a job the caller was given judged otherwise than before."""
    query = select(JobChange).where(
        JobChange.job_id == job_id, work.actor.where(May.PROJECT_READ, col(JobChange.region))
    )
    orders = {"project_id": col(JobChange.project_id)}
    return await page(work.session, query, asked, orders=orders, key=col(JobChange.id), default="project_id")


async def trial(work: Work, rule_set_id: UUID, digest: str) -> Job | None:
    """The last finished trial of exactly these rules."""
    query = select(Job).where(
        Job.kind == JobKind.TRIAL,
        Job.rule_set_id == rule_set_id,
        Job.rule_set_version == digest,
        Job.state == JobState.DONE,
    )
    return (await work.session.exec(query.order_by(col(Job.id).desc()).limit(1))).first()


async def count(work: Work, region: str) -> int:
    """Projects a job over a region would look at."""
    query = sa.select(sa.func.count()).select_from(PROJECT).where(*_whole(region))
    return int((await run(work.session, query)).scalar_one())


async def system_next(work: Work) -> Job | None:
    """The oldest job that is not done, locked; None when another process has it or there is none."""
    query = select(Job).where(Job.state == JobState.RUNNING).order_by(col(Job.id)).limit(1)
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_batch(
    work: Work, region: str, after: UUID | None, limit: int, *, lock: bool
) -> list[Project]:
    """The next projects of a job."""
    query = select(Project).where(*_whole(region)).order_by(col(Project.id)).limit(limit)
    if after is not None:
        query = query.where(col(Project.id) > after)
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_write(work: Work, projects: Sequence[dict[str, Any]]) -> None:
    """Put new findings into projects: rows with `project_id` and the columns."""
    if projects:
        change = (
            sa.update(PROJECT)
            .where(PROJECT.c.id == sa.bindparam("project_id"))
            .values(
                screened_at=sa.bindparam("new_screened_at"),
                verdict=sa.bindparam("new_verdict"),
                findings=sa.bindparam("new_findings"),
                rules_version=sa.bindparam("new_rules_version"),
                blocked=sa.bindparam("new_blocked"),
            )
        )
        await run(work.session, change, projects)


async def system_add_changes(work: Work, rows: Sequence[dict[str, Any]]) -> None:
    """Keep which projects are judged otherwise."""
    if rows:
        await run(work.session, CHANGE.insert(), rows)


def _whole(region: str) -> tuple[Any, ...]:
    return PROJECT.c.region.between(*span(region)), PROJECT.c.state.not_in(OVER)
