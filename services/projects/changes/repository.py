"""Every query about change requests."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.changes.lifecycle import ChangeState
from services.projects.changes.models import KIND, ChangeRequest
from shared.access import span
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.tables import notice
from shared.work import Work

TABLE: sa.Table = ChangeRequest.__table__  # type: ignore[attr-defined]
OPEN = (ChangeState.SUBMITTED, ChangeState.APPROVED)
ORDERS = {"created_at": col(ChangeRequest.created_at)}


async def get(work: Work, change_id: UUID, *, lock: bool = False) -> ChangeRequest:
    """One request of the caller's regions; NotFound otherwise."""
    query = select(ChangeRequest).where(
        ChangeRequest.id == change_id, work.actor.where(May.PROJECT_READ, col(ChangeRequest.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个变更申请: {change_id}", f"No change request {change_id}")
    return found


async def is_open(work: Work, project_id: UUID) -> bool:
    """Whether a project the caller was given has a request that is not settled."""
    query = sa.select(TABLE.c.id).where(TABLE.c.project_id == project_id, TABLE.c.state.in_(OPEN)).limit(1)
    return (await run(work.session, query)).first() is not None


async def waiting(work: Work) -> int:
    """How many requests wait for the caller's decision."""
    query = sa.select(sa.func.count()).where(
        TABLE.c.state == ChangeState.SUBMITTED,
        TABLE.c.created_by != work.actor.id,
        work.actor.where(May.PROJECT_APPROVE, TABLE.c.region),
    )
    return int((await run(work.session, query)).scalar_one())


def _unpublished(today: date) -> list[sa.ColumnElement[bool]]:
    """Decided, past the day by which it had to be on notice, and on none."""
    on_notice = sa.select(notice.c.id).where(
        notice.c.subject_kind == KIND, notice.c.subject == TABLE.c.subject, notice.c.withdrawn_at.is_(None)
    )
    return [
        TABLE.c.state == ChangeState.APPROVED,
        TABLE.c.republish_by < today,
        sa.not_(on_notice.exists()),
    ]


async def unpublished(work: Work, may: May, region: str | None = None) -> int:
    """How many decided changes of the caller's regions should have been on notice by now."""
    query = sa.select(sa.func.count()).select_from(TABLE)
    query = query.where(work.actor.where(may, TABLE.c.region), *_unpublished(work.today))
    if region:
        query = query.where(TABLE.c.region.between(*span(region)))
    return int((await run(work.session, query)).scalar_one())


async def system_unpublished(work: Work, most: int) -> list[sa.Row[Any]]:
    """The same themselves, everywhere, the longest first."""
    query = sa.select(TABLE).where(*_unpublished(work.today)).order_by(TABLE.c.republish_by, TABLE.c.id)
    return list(await run(work.session, query.limit(most)))


async def listed(
    work: Work,
    asked: Asked,
    *,
    project_id: UUID | None = None,
    state: ChangeState | None = None,
    region: str | None = None,
    unpublished: bool = False,
) -> Page[ChangeRequest]:
    """A page of requests of the caller's regions."""
    query = select(ChangeRequest).where(work.actor.where(May.PROJECT_READ, col(ChangeRequest.region)))
    if project_id is not None:
        query = query.where(ChangeRequest.project_id == project_id)
    if state is not None:
        query = query.where(ChangeRequest.state == state)
    if region:
        query = query.where(col(ChangeRequest.region).between(*span(region)))
    if unpublished:
        query = query.where(*_unpublished(work.today))
    return await page(
        work.session, query, asked, orders=ORDERS, key=col(ChangeRequest.id), default="-created_at"
    )
