"""Queries on rule sets and screening jobs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from services.projects.projects.repository import PROJECT_TABLE
from services.projects.screening.models import RuleSetRow, ScreeningJob, ScreeningJobChange
from services.projects.screening.schemas import RuleSetState, ScreeningJobKind, ScreeningJobState
from services.projects.screening_rules.schemas import RuleSetItem, ScreeningJobChangeRead, ScreeningJobRead
from shared.auth import May
from shared.db import execute_core, note_keys
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

RULE_SET_TABLE: sa.Table = RuleSetRow.__table__  # type: ignore[attr-defined]
JOB_CHANGE_TABLE: sa.Table = ScreeningJobChange.__table__  # type: ignore[attr-defined]
UNSCREENED_STATES = (State.WITHDRAWN, State.TERMINATED, State.CLOSED, State.DRAFT)
"""States whose projects a library-wide job skips: not yet declared, or finished."""


async def get_job(work: UnitOfWork, job_id: UUID) -> ScreeningJob:
    """Load a screening job within the caller's regions; raise NotFound otherwise."""
    query = select(ScreeningJob).where(
        ScreeningJob.id == job_id, work.actor.scope_filter(May.RULE_READ, col(ScreeningJob.region))
    )
    job = (await work.session.exec(query)).first()
    if job is None:
        raise NotFound(f"没有这次全库筛查: {job_id}", f"No job {job_id}")
    return job


async def list_jobs(work: UnitOfWork, params: PageParams) -> PageAnswer:
    """Return a page of screening jobs within the caller's regions, newest first."""
    query = select(ScreeningJob).where(work.actor.scope_filter(May.RULE_READ, col(ScreeningJob.region)))
    orders = {"created_at": col(ScreeningJob.created_at)}
    return await answer_page(
        work.session,
        query,
        params,
        orders=orders,
        key=col(ScreeningJob.id),
        default="-created_at",
        read=ScreeningJobRead,
    )


async def list_job_changes(work: UnitOfWork, params: PageParams, job_id: UUID) -> PageAnswer:
    """Return the projects within the caller's regions whose result changed in a job. The caller has checked access to the job."""
    query = select(ScreeningJobChange).where(
        ScreeningJobChange.job_id == job_id,
        work.actor.scope_filter(May.PROJECT_READ, col(ScreeningJobChange.region)),
    )
    orders = {"project_id": col(ScreeningJobChange.project_id)}
    return await answer_page(
        work.session,
        query,
        params,
        orders=orders,
        key=col(ScreeningJobChange.id),
        default="project_id",
        read=ScreeningJobChangeRead,
    )


async def find_finished_trial(work: UnitOfWork, rule_set_id: UUID, digest: str) -> ScreeningJob | None:
    """Return the last finished trial of a rule set with exactly this digest, or None."""
    query = select(ScreeningJob).where(
        ScreeningJob.kind == ScreeningJobKind.TRIAL,
        ScreeningJob.rule_set_id == rule_set_id,
        ScreeningJob.rule_set_version == digest,
        ScreeningJob.state == ScreeningJobState.DONE,
    )
    return (await work.session.exec(query.order_by(col(ScreeningJob.id).desc()).limit(1))).first()


async def count_projects(work: UnitOfWork, region: str) -> int:
    """Count the projects a job over a region screens."""
    query = (
        sa.select(sa.func.count()).select_from(PROJECT_TABLE).where(*_build_region_conditions(work, region))
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def system_lock_next_job(work: UnitOfWork) -> ScreeningJob | None:
    """Lock the running job that waits longest for its next batch, so that jobs take turns; None without one that is free."""
    query = (
        select(ScreeningJob)
        .where(ScreeningJob.state == ScreeningJobState.RUNNING)
        .order_by(col(ScreeningJob.updated_at), col(ScreeningJob.version), col(ScreeningJob.id))
        .limit(1)
    )
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_list_batch(
    work: UnitOfWork, region: str, after: UUID | None, limit: int, *, lock: bool
) -> list[Project]:
    """Return the next projects of a job after an id, in id order."""
    query = (
        select(Project).where(*_build_region_conditions(work, region)).order_by(col(Project.id)).limit(limit)
    )
    if after is not None:
        query = query.where(col(Project.id) > after)
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def system_update_projects(work: UnitOfWork, projects: Sequence[dict[str, Any]]) -> None:
    """Update the screening columns of projects; each row has `project_id` and one `new_…` value per column."""
    if projects:
        statement = (
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
        await execute_core(work.session, statement, projects)
        note_keys(work.session, PROJECT_TABLE, [row["project_id"] for row in projects])


async def system_insert_job_changes(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the projects whose result changed."""
    if rows:
        await execute_core(work.session, JOB_CHANGE_TABLE.insert(), rows)


async def get_rule_set(work: UnitOfWork, rule_set_id: UUID, *, lock: bool = False) -> RuleSetRow:
    """Load a rule set; raise NotFound otherwise."""
    query = select(RuleSetRow).where(
        RuleSetRow.id == rule_set_id, work.actor.scope_filter(May.RULE_READ, col(RuleSetRow.region))
    )
    rule_set = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if rule_set is None:
        raise NotFound(f"没有这个规则集: {rule_set_id}", f"No rule set {rule_set_id}")
    return rule_set


async def list_rule_sets(work: UnitOfWork, params: PageParams, *, state: RuleSetState | None) -> PageAnswer:
    """Return a page of rule sets, newest first."""
    query = select(RuleSetRow).where(work.actor.scope_filter(May.RULE_READ, col(RuleSetRow.region)))
    if state is not None:
        query = query.where(RuleSetRow.state == state)
    orders = {"created_at": col(RuleSetRow.created_at)}
    return await answer_page(
        work.session,
        query,
        params,
        orders=orders,
        key=col(RuleSetRow.id),
        default="-created_at",
        read=RuleSetItem,
    )


async def find_active_rule_set(work: UnitOfWork, region: str, *, lock: bool = False) -> RuleSetRow | None:
    """Return the active edited rule set of a region or its nearest ancestor, or None."""
    query = select(RuleSetRow).where(
        RuleSetRow.state == RuleSetState.ACTIVE, col(RuleSetRow.region).in_(ancestor_codes(region))
    )
    query = query.order_by(col(RuleSetRow.region).desc()).limit(1)
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def get_next_number(work: UnitOfWork, region: str) -> int:
    """Return the number of the next rule set of a region."""
    query = sa.select(sa.func.coalesce(sa.func.max(RULE_SET_TABLE.c.number), 0) + 1)
    return int(
        (await execute_core(work.session, query.where(RULE_SET_TABLE.c.region == region))).scalar_one()
    )


async def system_has_digest(work: UnitOfWork, digest: str) -> bool:
    """Return whether a rule set with this digest is stored."""
    query = sa.select(RULE_SET_TABLE.c.id).where(RULE_SET_TABLE.c.digest == digest).limit(1)
    return (await execute_core(work.session, query)).first() is not None


def _build_region_conditions(work: UnitOfWork, region: str) -> tuple[Any, ...]:
    return work.within_region(PROJECT_TABLE.c.region, region), PROJECT_TABLE.c.state.not_in(UNSCREENED_STATES)
