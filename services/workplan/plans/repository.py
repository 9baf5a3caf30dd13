"""Queries of work plans in the caller's regions; a plan of the district is read by everybody in it."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.workplan.plans.models import PlanItem, WorkPlan
from services.workplan.plans.schemas import WorkPlanRead
from shared.auth import NATION_CODE, May
from shared.errors import NotFound
from shared.http import Page, PageAnswer, PageParams, answer_page, list_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"created_at": col(WorkPlan.created_at)}


def readable(work: UnitOfWork, region: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
    """Condition: in the caller's regions, or in one above them: a town reads its district's plan."""
    above = {code for _, low, _ in work.actor.list_reaches(May.WORKPLAN_READ) for code in ancestor_codes(low)}
    scope = work.actor.scope_filter(May.WORKPLAN_READ, region)
    return sa.or_(scope, sa.and_(region != NATION_CODE, region.in_(sorted(above))))


async def get_plan(work: UnitOfWork, plan_id: UUID) -> WorkPlan:
    """Get a plan; raises NotFound."""
    found = (
        await work.session.exec(
            select(WorkPlan).where(WorkPlan.id == plan_id, readable(work, col(WorkPlan.region)))
        )
    ).first()
    if found is None:
        raise NotFound("没有这份工作要点", "No such work plan")
    return found


async def list_plans(work: UnitOfWork, params: PageParams, year: int | None) -> PageAnswer:
    """List a page of plans, newest first."""
    query = select(WorkPlan).where(readable(work, col(WorkPlan.region)))
    if year is not None:
        query = query.where(col(WorkPlan.year) == year)
    return await answer_page(
        work.session,
        query,
        params,
        orders=SORT_COLUMNS,
        key=col(WorkPlan.id),
        default="-created_at",
        read=WorkPlanRead,
    )


async def list_items(work: UnitOfWork, plan: WorkPlan) -> list[PlanItem]:
    """The items of a plan that the caller may read, in the document's order."""
    query = select(PlanItem).where(col(PlanItem.plan_id) == plan.id, readable(work, col(PlanItem.region)))
    query = query.order_by(col(PlanItem.number))
    return list(await work.session.exec(query))


async def get_item(work: UnitOfWork, item_id: UUID) -> PlanItem:
    """Get an item of a plan; raises NotFound."""
    query = select(PlanItem).where(PlanItem.id == item_id, readable(work, col(PlanItem.region)))
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound("工作要点里没有这一项", "No such item of a plan")
    return found


async def list_item_page(
    work: UnitOfWork, params: PageParams, plan_id: UUID | None, q: str
) -> Page[PlanItem]:
    """List a page of items in the order of their numbers; `q` is part of the title."""
    query = select(PlanItem).where(readable(work, col(PlanItem.region)))
    if plan_id is not None:
        query = query.where(PlanItem.plan_id == plan_id)
    if q:
        query = query.where(col(PlanItem.title).contains(q, autoescape=True))
    orders = {"number": col(PlanItem.number)}
    return await list_page(work.session, query, params, orders=orders, key=col(PlanItem.id), default="number")
