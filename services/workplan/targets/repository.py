"""Queries of targets and actuals in the caller's regions; a town reads its district's targets."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.workplan.plans.models import PlanItem
from services.workplan.plans.repository import readable
from services.workplan.targets.models import WorkActual, WorkTarget
from services.workplan.targets.schemas import ActualState
from shared.auth import May
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"created_at": col(WorkTarget.created_at)}
MAX_EXPORTED = 1000


async def get_target(work: UnitOfWork, target_id: UUID, *, lock: bool = False) -> WorkTarget:
    """Get a target; raises NotFound."""
    query = select(WorkTarget).where(WorkTarget.id == target_id, readable(work, col(WorkTarget.region)))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这项任务指标", "No such target")
    return found


def build_unconfirmed_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: somebody else reported what was reached, and nobody has confirmed it."""
    waiting = select(WorkActual.id).where(
        col(WorkActual.target_id) == col(WorkTarget.id),
        col(WorkActual.state) == ActualState.REPORTED,
        col(WorkActual.created_by).not_in(work.actor.own_accounts),
        work.actor.scope_filter(May.WORKPLAN_CONFIRM, col(WorkActual.region)),
    )
    return waiting.exists()


async def list_targets(
    work: UnitOfWork, params: PageParams, plan_id: UUID | None, *, unconfirmed: bool
) -> Page[WorkTarget]:
    """List a page of targets, newest first."""
    query = select(WorkTarget).where(readable(work, col(WorkTarget.region)))
    if unconfirmed:
        query = query.where(build_unconfirmed_condition(work))
    if plan_id is not None:
        query = query.where(col(WorkTarget.plan_id) == plan_id)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(WorkTarget.id), default="-created_at"
    )


async def list_plan_targets(work: UnitOfWork, plan_id: UUID) -> list[tuple[WorkTarget, PlanItem]]:
    """All targets of a plan with their items, in the document's order."""
    query = (
        select(WorkTarget, PlanItem)
        .join(PlanItem, col(PlanItem.id) == col(WorkTarget.item_id))
        .where(col(WorkTarget.plan_id) == plan_id, readable(work, col(WorkTarget.region)))
        .order_by(col(WorkTarget.item_number), col(WorkTarget.created_at), col(WorkTarget.id))
        .limit(MAX_EXPORTED)
    )
    return [(row[0], row[1]) for row in await work.session.exec(query)]


async def list_actuals(work: UnitOfWork, target: WorkTarget) -> list[WorkActual]:
    """The actuals of a target that the caller may read, oldest first."""
    query = select(WorkActual).where(
        col(WorkActual.target_id) == target.id, readable(work, col(WorkActual.region))
    )
    return list(await work.session.exec(query.order_by(col(WorkActual.on), col(WorkActual.id))))


async def get_actual(work: UnitOfWork, target: WorkTarget, actual_id: UUID) -> WorkActual:
    """Get one actual of a target for a decision; raises NotFound."""
    scope = work.actor.scope_filter(May.WORKPLAN_CONFIRM, col(WorkActual.region))
    query = select(WorkActual).where(
        WorkActual.id == actual_id, col(WorkActual.target_id) == target.id, scope
    )
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这次进度", "No such actual")
    return found


async def find_newest(work: UnitOfWork, target: WorkTarget) -> WorkActual | None:
    """The newest confirmed actual of a target."""
    query = select(WorkActual).where(
        col(WorkActual.target_id) == target.id,
        col(WorkActual.state) == ActualState.CONFIRMED,
        readable(work, col(WorkActual.region)),
    )
    order = (col(WorkActual.on).desc(), col(WorkActual.created_at).desc(), col(WorkActual.id).desc())
    return (await work.session.exec(query.order_by(*order).limit(1))).first()


async def list_year_targets(work: UnitOfWork, region: str, year: int | None) -> list[WorkTarget]:
    """The targets of a region and those above it, of one year or of all."""
    where = [readable(work, col(WorkTarget.region)), col(WorkTarget.region).in_(ancestor_codes(region))]
    if year is not None:
        where.append(col(WorkTarget.year) == year)
    return list(await work.session.exec(select(WorkTarget).where(*where).limit(MAX_EXPORTED)))
