"""Queries on change requests."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.changes.lifecycle import ChangeState
from services.projects.changes.models import NOTICE_SUBJECT_KIND, ChangeRequest
from services.projects.changes.schemas import ChangeRead
from shared.auth import May
from shared.db import execute_core, notice
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

CHANGE_TABLE: sa.Table = ChangeRequest.__table__  # type: ignore[attr-defined]
OPEN_STATES = (ChangeState.SUBMITTED, ChangeState.APPROVED)
SORT_COLUMNS = {"created_at": col(ChangeRequest.created_at)}


async def get_change(work: UnitOfWork, change_id: UUID, *, lock: bool = False) -> ChangeRequest:
    """Load a change request within the caller's regions; raise NotFound otherwise."""
    query = select(ChangeRequest).where(
        ChangeRequest.id == change_id, work.actor.scope_filter(May.PROJECT_READ, col(ChangeRequest.region))
    )
    change = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if change is None:
        raise NotFound(f"没有这个变更申请: {change_id}", f"No change request {change_id}")
    return change


def system_build_open_change_query(project_id: Any) -> sa.Select[Any]:  # noqa: ANN401 - an id or a parameter
    """Build the query of a change request of a project that is undecided or unapplied."""
    return (
        sa.select(CHANGE_TABLE.c.id)
        .where(CHANGE_TABLE.c.project_id == project_id, CHANGE_TABLE.c.state.in_(OPEN_STATES))
        .limit(1)
    )


async def has_open_change(work: UnitOfWork, project_id: UUID) -> bool:
    """Return whether a project has an undecided or unapplied change request. The caller has checked access to the project."""
    return (await execute_core(work.session, system_build_open_change_query(project_id))).first() is not None


def build_unpublished_condition(today: date) -> sa.ColumnElement[bool]:
    """Whether the publication deadline of an approved change has passed without a notice."""
    on_notice = sa.select(notice.c.id).where(
        notice.c.subject_kind == NOTICE_SUBJECT_KIND,
        notice.c.subject == CHANGE_TABLE.c.subject,
        notice.c.withdrawn_at.is_(None),
    )
    return sa.and_(
        CHANGE_TABLE.c.state == ChangeState.APPROVED,
        CHANGE_TABLE.c.republish_by < today,
        sa.not_(on_notice.exists()),
    )


async def count_unpublished(work: UnitOfWork, may: May, region: str | None = None) -> int:
    """Count approved changes of the caller's regions that are overdue for publication."""
    query = sa.select(sa.func.count()).select_from(CHANGE_TABLE)
    query = query.where(
        work.actor.scope_filter(may, CHANGE_TABLE.c.region), build_unpublished_condition(work.today)
    )
    if region:
        query = query.where(work.within_region(CHANGE_TABLE.c.region, region))
    return int((await execute_core(work.session, query)).scalar_one())


async def system_list_unpublished(
    work: UnitOfWork, limit: int, among: sa.ColumnElement[bool]
) -> list[sa.Row[Any]]:
    """List all approved changes that are overdue for publication, the most overdue first; `among` is a further condition."""
    query = (
        sa.select(CHANGE_TABLE)
        .where(build_unpublished_condition(work.today), among)
        .order_by(CHANGE_TABLE.c.republish_by, CHANGE_TABLE.c.id)
    )
    return list(await execute_core(work.session, query.limit(limit)))


async def list_changes(
    work: UnitOfWork,
    params: PageParams,
    *,
    project_id: UUID | None = None,
    state: ChangeState | None = None,
    region: str | None = None,
    unpublished: bool = False,
) -> PageAnswer:
    """Return a page of change requests within the caller's regions."""
    query = select(ChangeRequest).where(work.actor.scope_filter(May.PROJECT_READ, col(ChangeRequest.region)))
    if project_id is not None:
        query = query.where(ChangeRequest.project_id == project_id)
    if state is not None:
        query = query.where(ChangeRequest.state == state)
    if region:
        query = query.where(work.within_region(col(ChangeRequest.region), region))
    if unpublished:
        query = query.where(build_unpublished_condition(work.today))
    return await answer_page(
        work.session,
        query,
        params,
        orders=SORT_COLUMNS,
        key=col(ChangeRequest.id),
        default="-created_at",
        read=ChangeRead,
    )
