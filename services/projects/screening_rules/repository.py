"""Queries on rule sets and screening jobs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from services.projects.screening.models import RuleSetRow, ScreeningJob, ScreeningJobChange
from services.projects.screening.schemas import RuleSetState, ScreeningJobKind, ScreeningJobState
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

PROJECT_TABLE: sa.Table = Project.__table__  # type: ignore[attr-defined]
JOB_CHANGE_TABLE: sa.Table = ScreeningJobChange.__table__  # type: ignore[attr-defined]
UNSCREENED_STATES = (State.WITHDRAWN, State.TERMINATED, State.CLOSED, State.DRAFT)
"""Projects whose screening no longer, or not yet, matters."""


async def get_job(work: UnitOfWork, job_id: UUID) -> ScreeningJob:
    """One job of the caller's regions; NotFound otherwise."""
    query = select(ScreeningJob).where(
        ScreeningJob.id == job_id, work.actor.scope_filter(May.RULE_READ, col(ScreeningJob.region))
    )
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这次全库筛查: {job_id}", f"No job {job_id}")
    return found


async def list_jobs(work: UnitOfWork, asked: PageParams) -> Page[ScreeningJob]:
    """Jobs of the caller's regions, the newest first."""
    query = select(ScreeningJob).where(work.actor.scope_filter(May.RULE_READ, col(ScreeningJob.region)))
    orders = {"created_at": col(ScreeningJob.created_at)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(ScreeningJob.id), default="-created_at"
    )


async def list_job_changes(work: UnitOfWork, asked: PageParams, job_id: UUID) -> Page[ScreeningJobChange]:
    """Projects of the caller's regions that a job the caller was given judged otherwise than before."""
    query = select(ScreeningJobChange).where(
        ScreeningJobChange.job_id == job_id,
        work.actor.scope_filter(May.PROJECT_READ, col(ScreeningJobChange.region)),
    )
    orders = {"project_id": col(ScreeningJobChange.project_id)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(ScreeningJobChange.id), default="project_id"
    )


async def find_finished_trial(work: UnitOfWork, rule_set_id: UUID, digest: str) -> ScreeningJob | None:
    """The last finished trial of exactly these rules."""
    query = select(ScreeningJob).where(
        ScreeningJob.kind == ScreeningJobKind.TRIAL,
        ScreeningJob.rule_set_id == rule_set_id,
        ScreeningJob.rule_set_version == digest,
        ScreeningJob.state == ScreeningJobState.DONE,
    )
    return (await work.session.exec(query.order_by(col(ScreeningJob.id).desc()).limit(1))).first()


async def count_projects(work: UnitOfWork, region: str) -> int:
    """Projects a job over a region would look at."""
    query = sa.select(sa.func.count()).select_from(PROJECT_TABLE).where(*_build_region_conditions(region))
    return int((await execute_core(work.session, query)).scalar_one())


async def system_lock_next_job(work: UnitOfWork) -> ScreeningJob | None:
    """The oldest job that is not done, locked; None when another process has it or there is none."""
    query = (
        select(ScreeningJob)
        .where(ScreeningJob.state == ScreeningJobState.RUNNING)
        .order_by(col(ScreeningJob.id))
        .limit(1)
    )
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_list_batch(
    work: UnitOfWork, region: str, after: UUID | None, limit: int, *, lock: bool
) -> list[Project]:
    """The next projects of a job."""
    query = select(Project).where(*_build_region_conditions(region)).order_by(col(Project.id)).limit(limit)
    if after is not None:
        query = query.where(col(Project.id) > after)
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_update_projects(work: UnitOfWork, projects: Sequence[dict[str, Any]]) -> None:
    """Put new findings into projects: rows with `project_id` and the columns."""
    if projects:
        change = (
            sa.update(PROJECT_TABLE)
            .where(PROJECT_TABLE.c.id == sa.bindparam("project_id"))
            .values(
                screened_at=sa.bindparam("new_screened_at"),
                verdict=sa.bindparam("new_verdict"),
                findings=sa.bindparam("new_findings"),
                rules_version=sa.bindparam("new_rules_version"),
                blocked=sa.bindparam("new_blocked"),
            )
        )
        await execute_core(work.session, change, projects)


async def system_insert_job_changes(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    """Keep which projects are judged otherwise."""
    if rows:
        await execute_core(work.session, JOB_CHANGE_TABLE.insert(), rows)


def _build_region_conditions(region: str) -> tuple[Any, ...]:
    return PROJECT_TABLE.c.region.between(*region_bounds(region)), PROJECT_TABLE.c.state.not_in(
        UNSCREENED_STATES
    )


RULE_SET_TABLE: sa.Table = RuleSetRow.__table__  # type: ignore[attr-defined]


async def get_rule_set(work: UnitOfWork, rule_set_id: UUID, *, lock: bool = False) -> RuleSetRow:
    """One rule set; NotFound otherwise. Rules are readable by everybody who may read rules."""
    query = select(RuleSetRow).where(
        RuleSetRow.id == rule_set_id, work.actor.scope_filter(May.RULE_READ, col(RuleSetRow.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个规则集: {rule_set_id}", f"No rule set {rule_set_id}")
    return found


async def list_rule_sets(
    work: UnitOfWork, asked: PageParams, *, state: RuleSetState | None
) -> Page[RuleSetRow]:
    """Rule sets, the newest first."""
    query = select(RuleSetRow).where(work.actor.scope_filter(May.RULE_READ, col(RuleSetRow.region)))
    if state is not None:
        query = query.where(RuleSetRow.state == state)
    orders = {"created_at": col(RuleSetRow.created_at)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(RuleSetRow.id), default="-created_at"
    )


async def find_active_rule_set(work: UnitOfWork, region: str, *, lock: bool = False) -> RuleSetRow | None:
    """The edited set in force in a region, its own or the nearest above it."""
    query = select(RuleSetRow).where(
        RuleSetRow.state == RuleSetState.ACTIVE, col(RuleSetRow.region).in_(ancestor_codes(region))
    )
    query = query.order_by(col(RuleSetRow.region).desc()).limit(1)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def get_next_number(work: UnitOfWork, region: str) -> int:
    """The number of a region's next set."""
    query = sa.select(sa.func.coalesce(sa.func.max(RULE_SET_TABLE.c.number), 0) + 1)
    return int(
        (await execute_core(work.session, query.where(RULE_SET_TABLE.c.region == region))).scalar_one()
    )


async def system_has_digest(work: UnitOfWork, digest: str) -> bool:
    """Whether a set with this content is kept."""
    query = sa.select(RULE_SET_TABLE.c.id).where(RULE_SET_TABLE.c.digest == digest).limit(1)
    return (await execute_core(work.session, query)).first() is not None
