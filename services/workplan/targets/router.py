"""Routes `/workplan/targets` and the papers of a plan."""

import asyncio
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.workplan.plans import repository as plans
from services.workplan.plans.repository import readable
from services.workplan.targets import repository, service
from services.workplan.targets.exporter import build_plan_workbook
from services.workplan.targets.models import WorkActual, WorkTarget
from services.workplan.targets.schemas import (
    Explanation,
    WorkActualCreate,
    WorkActualDecision,
    WorkActualRead,
    WorkPlanSummary,
    WorkTargetCreate,
    WorkTargetDetail,
    WorkTargetRead,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from shared.http import (
    Page,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    content_disposition,
    requires,
)
from shared.records import Act, RecordKind, Todo, keep_page
from shared.records.region_names import find_place_names
from shared.spreadsheets import XLSX_MEDIA_TYPE

router = APIRouter(prefix="/workplan/targets", tags=["任务指标"], route_class=Route)
summary_router = APIRouter(prefix="/workplan", tags=["任务指标"], route_class=Route)
paper_router = APIRouter(prefix="/workplan/plans", tags=["任务指标"], route_class=Route)


@summary_router.get("/summary", response_model=WorkPlanSummary, **requires(May.WORKPLAN_READ))
async def read_summary(
    work: ReadWork, region: RegionCode, year: Annotated[int | None, Query(ge=2012, le=2100)] = None
) -> Response:
    """一个地区一年的任务指标: 各进度灯的数目, 滞后的和没有说明的."""
    return await keep_page(work, "summary", (region, year), partial(service.get_summary, work, region, year))


@router.post(
    "",
    status_code=201,
    response_model=WorkTargetDetail,
    **requires(May.WORKPLAN_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def set_target(work: WriteWork, body: WorkTargetCreate) -> WorkTargetDetail:
    """设定一项任务的指标."""
    return await service.get_target_detail(work, await service.create_target(work, body))


@router.get("", response_model=Page[WorkTargetRead], **requires(May.WORKPLAN_READ))
async def list_targets(
    work: ReadWork,
    params: Pagination,
    plan_id: UUID | None = None,
    *,
    unconfirmed: Annotated[bool, Query(description="只看有进度待本人核实的")] = False,
) -> Page[WorkTargetRead]:
    """任务指标、完成比例和进度灯, 新设定的在前."""
    page = await repository.list_targets(work, params, plan_id, unconfirmed=unconfirmed)
    items = [await service.build_target_read(work, target) for target in page.items]
    return Page[WorkTargetRead].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


@router.get(
    "/{target_id}", response_model=WorkTargetDetail, **requires(May.WORKPLAN_READ, refuses=(NotFound,))
)
async def read_target(work: ReadWork, target_id: UUID) -> WorkTargetDetail:
    """任务指标, 分解和各次进度."""
    return await service.get_target_detail(work, await repository.get_target(work, target_id))


@router.post(
    "/{target_id}/actuals",
    status_code=201,
    response_model=WorkActualRead,
    **requires(May.WORKPLAN_REPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def report_actual(work: WriteWork, target_id: UUID, body: WorkActualCreate) -> WorkActual:
    """填报进度: 截至某日的累计数."""
    return await service.report_actual(work, target_id, body)


@router.post(
    "/{target_id}/compute",
    status_code=201,
    response_model=WorkActualRead,
    **requires(May.WORKPLAN_REPORT, refuses=(NotFound, Conflict, Invalid, Forbidden, Unavailable)),
)
async def compute_actual(work: WriteWork, target_id: UUID) -> WorkActual:
    """由系统从其他服务取数."""
    return await service.compute_actual(work, target_id)


@router.post(
    "/{target_id}/actuals/{actual_id}/decision",
    response_model=WorkActualRead,
    **requires(May.WORKPLAN_CONFIRM, refuses=(NotFound, Conflict, Invalid, Forbidden)),
)
async def decide_actual(
    work: WriteWork, target_id: UUID, actual_id: UUID, body: WorkActualDecision
) -> WorkActual:
    """核实一次进度, 由另一人办理."""
    return await service.decide_actual(work, target_id, actual_id, body)


@router.post(
    "/{target_id}/explanation",
    response_model=WorkTargetDetail,
    **requires(May.WORKPLAN_REPORT, refuses=(NotFound, Conflict)),
)
async def explain_target(work: WriteWork, target_id: UUID, body: Explanation) -> WorkTargetDetail:
    """说明进度滞后的原因和措施."""
    return await service.get_target_detail(work, await service.explain_target(work, target_id, body))


@paper_router.get(
    "/{plan_id}/export",
    response_class=Response,
    response_model=None,
    **requires(May.WORKPLAN_READ, refuses=(NotFound,)),
)
async def export_plan(work: ReadWork, plan_id: UUID) -> Response:
    """任务分解表和进度表 (XLSX), 可打印签字."""
    plan = await plans.get_plan(work, plan_id)
    places = (await find_place_names(work, plan.region)).names
    rows = [
        (target, item, await service.build_target_read(work, target))
        for target, item in await repository.list_plan_targets(work, plan_id)
    ]
    content = await asyncio.to_thread(build_plan_workbook, rows, plan.title, places, f"截至 {work.today}")
    headers = content_disposition(f"{plan.year}年任务分解和进度-{work.today}.xlsx")
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)


WORK_TARGET_KIND = RecordKind(
    name="work_target",
    label="任务指标",
    path="/workplan/targets",
    model=WorkTarget,
    read=WorkTargetRead,
    may=May.WORKPLAN_READ,
    title="name",
    columns=("item_number", "name", "value", "unit", "reached", "percent", "light", "due_on"),
    filters=("plan_id", "unconfirmed"),
    search=("name",),
    parents={"plan_id": "work_plan", "item_id": "plan_item"},
    todo=(
        Todo(
            "unconfirmed.true",
            "有进度待核实的指标",
            (May.WORKPLAN_CONFIRM,),
            repository.build_unconfirmed_condition,
        ),
    ),
    due="due_on",
    topics=("work_target.set", "work_target.reported", "work_target.confirmed", "work_target.explained"),
    acts=(
        Act("填报进度", "/workplan/targets/{id}/actuals"),
        Act("说明滞后", "/workplan/targets/{id}/explanation"),
        Act("核实", "/workplan/targets/{id}/actuals/{actual_id}/decision", until="confirmed_by"),
    ),
    visible=lambda work: readable(work, WorkTarget.__table__.c.region),  # type: ignore[attr-defined]
)
