"""Routes `/workplan/plans`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.workplan.plans import repository, service
from services.workplan.plans.models import PlanItem, WorkPlan
from services.workplan.plans.schemas import PlanItemRead, WorkPlanCreate, WorkPlanDetail, WorkPlanRead
from shared.auth import May
from shared.errors import Conflict, NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind

router = APIRouter(prefix="/workplan/plans", tags=["工作要点"], route_class=Route)
item_router = APIRouter(prefix="/workplan/items", tags=["工作要点"], route_class=Route)
MAX_PLAN_BYTES = 1024 * 1024


@router.post(
    "",
    status_code=201,
    response_model=WorkPlanDetail,
    **requires(May.WORKPLAN_MANAGE, refuses=(Conflict,), body=MAX_PLAN_BYTES),
)
async def enter_plan(work: WriteWork, body: WorkPlanCreate) -> WorkPlanDetail:
    """登记一年的工作要点和各项任务."""
    return await service.get_plan_detail(work, await service.create_plan(work, body))


@router.get("", response_model=Page[WorkPlanRead], **requires(May.WORKPLAN_READ))
async def list_plans(
    work: ReadWork, params: Pagination, year: Annotated[int | None, Query(ge=2012, le=2100)] = None
) -> PageAnswer:
    """工作要点, 新登记的在前."""
    return await repository.list_plans(work, params, year)


@router.get("/{plan_id}", response_model=WorkPlanDetail, **requires(May.WORKPLAN_READ, refuses=(NotFound,)))
async def read_plan(work: ReadWork, plan_id: UUID) -> WorkPlanDetail:
    """一份工作要点和各项任务."""
    return await service.get_plan_detail(work, await repository.get_plan(work, plan_id))


@item_router.get("", response_model=Page[PlanItemRead], **requires(May.WORKPLAN_READ))
async def list_items(
    work: ReadWork,
    params: Pagination,
    plan_id: UUID | None = None,
    q: Annotated[str, Query(max_length=100, description="任务名称含有的字")] = "",
) -> Page[PlanItem]:
    """要点的任务, 按项号; 设定指标时选择."""
    return await repository.list_item_page(work, params, plan_id, q)


@item_router.get(
    "/{item_id}", response_model=PlanItemRead, **requires(May.WORKPLAN_READ, refuses=(NotFound,))
)
async def read_item(work: ReadWork, item_id: UUID) -> PlanItem:
    """要点的一项任务."""
    return await repository.get_item(work, item_id)


WORK_PLAN_KIND = RecordKind(
    name="work_plan",
    label="工作要点",
    path="/workplan/plans",
    model=WorkPlan,
    read=WorkPlanRead,
    may=May.WORKPLAN_READ,
    title="title",
    columns=("year", "title", "document_no", "issued_on", "region"),
    filters=("year",),
    search=("title", "document_no"),
    topics=("work_plan.entered",),
    visible=lambda work: repository.readable(work, WorkPlan.__table__.c.region),  # type: ignore[attr-defined]
)
PLAN_ITEM_KIND = RecordKind(
    name="plan_item",
    label="任务项",
    path="/workplan/items",
    model=PlanItem,
    read=PlanItemRead,
    may=May.WORKPLAN_READ,
    title="title",
    columns=("number", "title", "section", "units"),
    filters=("plan_id",),
    search=("title",),
    parents={"plan_id": "work_plan"},
    since="id",
    told_by={"work_plan.entered": "plan_id"},
    visible=lambda work: repository.readable(work, PlanItem.__table__.c.region),  # type: ignore[attr-defined]
)
