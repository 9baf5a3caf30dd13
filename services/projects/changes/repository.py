"""Every query about change requests."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.changes.lifecycle import ChangeState
from services.projects.changes.models import NOTICE_SUBJECT_KIND, ChangeRequest
from shared.auth import May, region_bounds
from shared.db import execute_core, notice
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

CHANGE_TABLE: sa.Table = ChangeRequest.__table__  # type: ignore[attr-defined]
OPEN_STATES = (ChangeState.SUBMITTED, ChangeState.APPROVED)
SORT_COLUMNS = {"created_at": col(ChangeRequest.created_at)}


async def get_change(work: UnitOfWork, change_id: UUID, *, lock: bool = False) -> ChangeRequest:
    """One request of the caller's regions; NotFound otherwise."""
    query = select(ChangeRequest).where(
        ChangeRequest.id == change_id, work.actor.scope_filter(May.PROJECT_READ, col(ChangeRequest.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个变更申请: {change_id}", f"No change request {change_id}")
    return found


async def has_open_change(work: UnitOfWork, project_id: UUID) -> bool:
    """Whether a project the caller was given has a request that is not settled."""
    query = (
        sa.select(CHANGE_TABLE.c.id)
        .where(CHANGE_TABLE.c.project_id == project_id, CHANGE_TABLE.c.state.in_(OPEN_STATES))
        .limit(1)
    )
    return (await execute_core(work.session, query)).first() is not None


async def count_pending_changes(work: UnitOfWork) -> int:
    """How many requests wait for the caller's decision."""
    query = sa.select(sa.func.count()).where(
        CHANGE_TABLE.c.state == ChangeState.SUBMITTED,
        CHANGE_TABLE.c.created_by != work.actor.id,
        work.actor.scope_filter(May.PROJECT_APPROVE, CHANGE_TABLE.c.region),
    )
    return int((await execute_core(work.session, query)).scalar_one())


def _build_unpublished_conditions(today: date) -> list[sa.ColumnElement[bool]]:
    """Decided, past the day by which it had to be on notice, and on none."""
    on_notice = sa.select(notice.c.id).where(
        notice.c.subject_kind == NOTICE_SUBJECT_KIND,
        notice.c.subject == CHANGE_TABLE.c.subject,
        notice.c.withdrawn_at.is_(None),
    )
    return [
        CHANGE_TABLE.c.state == ChangeState.APPROVED,
        CHANGE_TABLE.c.republish_by < today,
        sa.not_(on_notice.exists()),
    ]


async def count_unpublished(work: UnitOfWork, may: May, region: str | None = None) -> int:
    """How many decided changes of the caller's regions should have been on notice by now."""
    query = sa.select(sa.func.count()).select_from(CHANGE_TABLE)
    query = query.where(
        work.actor.scope_filter(may, CHANGE_TABLE.c.region), *_build_unpublished_conditions(work.today)
    )
    if region:
        query = query.where(CHANGE_TABLE.c.region.between(*region_bounds(region)))
    return int((await execute_core(work.session, query)).scalar_one())


async def system_list_unpublished(work: UnitOfWork, most: int) -> list[sa.Row[Any]]:
    """The same themselves, everywhere, the longest first."""
    query = (
        sa.select(CHANGE_TABLE)
        .where(*_build_unpublished_conditions(work.today))
        .order_by(CHANGE_TABLE.c.republish_by, CHANGE_TABLE.c.id)
    )
    return list(await execute_core(work.session, query.limit(most)))


async def list_changes(
    work: UnitOfWork,
    asked: PageParams,
    *,
    project_id: UUID | None = None,
    state: ChangeState | None = None,
    region: str | None = None,
    unpublished: bool = False,
) -> Page[ChangeRequest]:
    """A page of requests of the caller's regions."""
    query = select(ChangeRequest).where(work.actor.scope_filter(May.PROJECT_READ, col(ChangeRequest.region)))
    if project_id is not None:
        query = query.where(ChangeRequest.project_id == project_id)
    if state is not None:
        query = query.where(ChangeRequest.state == state)
    if region:
        query = query.where(col(ChangeRequest.region).between(*region_bounds(region)))
    if unpublished:
        query = query.where(*_build_unpublished_conditions(work.today))
    return await list_page(
        work.session, query, asked, orders=SORT_COLUMNS, key=col(ChangeRequest.id), default="-created_at"
    )
