"""HTTP routes of performance targets."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.funds.targets import repository, service
from services.funds.targets.exporter import SHEET_COLUMNS, get_year_sheet
from services.funds.targets.lifecycle import TARGET_LIFECYCLE, TargetAction, TargetState
from services.funds.targets.models import Target, TargetMonitoring
from services.funds.targets.schemas import (
    MonitoringCreate,
    MonitoringRead,
    PublicTarget,
    ResultsWrite,
    TargetChange,
    TargetCreate,
    TargetDetail,
    TargetRead,
    TargetTemplate,
    TargetTransitionRequest,
    YearSheet,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import (
    IfMatch,
    Page,
    Pagination,
    PublicReadWork,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, RecordKind, turn
from shared.spreadsheets import XLSX_MEDIA_TYPE, build_workbook

router = APIRouter(prefix="/funds/targets", tags=["绩效"], route_class=Route)
public_router = APIRouter(prefix="/funds", tags=["绩效"], route_class=Route)
Region = RegionCode
Year = Annotated[int, Query(ge=2000, le=2100)]


@router.get("/templates", response_model=list[TargetTemplate], **requires(May.FUND_READ))
async def list_target_templates(work: ReadWork) -> list[TargetTemplate]:
    """绩效指标模板, 按项目类型."""
    return await service.list_templates(work, work.home_region)


@router.get("/sheet", response_model=YearSheet, **requires(May.FUND_READ))
async def read_target_sheet(
    work: ReadWork, region: Region, year: Year, form: Literal["json", "xlsx"] = "json"
) -> YearSheet | Response:
    """年度绩效表, 可导出为表格."""
    sheet = await get_year_sheet(work, region, year)
    if form == "json":
        return sheet
    rows = [{**row.__dict__, "state_label": row.state.label} for row in sheet.rows]
    content = build_workbook(SHEET_COLUMNS, rows, name=f"{year}年度绩效表")
    headers = {"Content-Disposition": "attachment; filename=targets.xlsx"}
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)


@router.post(
    "",
    status_code=201,
    response_model=TargetRead,
    **requires(May.TARGET_MANAGE, refuses=(Conflict, NotFound)),
)
async def draft_target(work: WriteWork, body: TargetCreate) -> TargetRead:
    """编制绩效目标."""
    return service.build_target_read(await service.create_target(work, body))


@router.get("", response_model=Page[TargetRead], **requires(May.FUND_READ))
async def list_targets(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    state: TargetState | None = None,
    plan_id: UUID | None = None,
    project_id: UUID | None = None,
    *,
    late: Annotated[bool, Query(description="只看逾期未公开的")] = False,
) -> Page[TargetRead]:
    """绩效目标列表."""
    page = await repository.list_targets(
        work,
        params,
        region=region,
        year=year,
        state=state,
        plan_id=plan_id,
        project_id=project_id,
        late=work.today if late else None,
    )
    items = [service.build_target_read(target) for target in page.items]
    return Page[TargetRead].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


@router.get("/{target_id}", response_model=TargetDetail, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_target(work: ReadWork, target_id: UUID) -> TargetDetail:
    """绩效目标, 指标, 监控和可办事项."""
    return await service.get_target_detail(work, target_id)


@router.patch(
    "/{target_id}",
    response_model=TargetRead,
    **requires(May.TARGET_MANAGE, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_target(work: WriteWork, target_id: UUID, body: TargetChange, match: IfMatch) -> TargetRead:
    """修改编制中的绩效目标."""
    return service.build_target_read(await service.update_target(work, target_id, body, match))


@router.put(
    "/{target_id}/results",
    response_model=TargetRead,
    **requires(May.TARGET_MANAGE, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)),
)
async def fill_in_results(work: WriteWork, target_id: UUID, body: ResultsWrite, match: IfMatch) -> TargetRead:
    """填报完成情况, 佐证材料和偏差原因."""
    return service.build_target_read(await service.save_results(work, target_id, body, match))


@router.post(
    "/{target_id}/monitorings",
    status_code=201,
    response_model=MonitoringRead,
    **requires(May.TARGET_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def monitor_target(work: WriteWork, target_id: UUID, body: MonitoringCreate) -> TargetMonitoring:
    """登记绩效运行监控."""
    return await service.create_monitoring(work, target_id, body)


@router.post(
    "/{target_id}/{action}",
    response_model=TargetRead | TransitionPreview,
    **moves(TARGET_LIFECYCLE),
)
async def act_on_target(
    work: WriteWork,
    target_id: UUID,
    action: TargetAction,
    body: TargetTransitionRequest,
    match: IfMatch,
    *,
    dry_run: bool = False,
) -> TargetRead | TransitionPreview:
    """办理绩效目标; `dry_run` 只问能否办理."""
    outcome = await service.transition_target(work, target_id, action, body, match=match, dry_run=dry_run)
    return outcome if isinstance(outcome, TransitionPreview) else service.build_target_read(outcome)


@public_router.get("/public-targets", response_model=Page[PublicTarget], **allows_anonymous())
async def list_public_targets(
    work: PublicReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    project_id: UUID | None = None,
) -> Page[PublicTarget]:
    """已公开的绩效目标及审定的自评结果, 不需登录."""
    return await service.list_public_targets(work, params, region=region, year=year, project_id=project_id)


TARGET_KIND = RecordKind(
    name="target",
    label="绩效目标",
    path="/funds/targets",
    model=Target,
    read=TargetRead,
    may=May.FUND_READ,
    title="project_name",
    columns=("project_name", "region", "year", "amount", "state", "due_on", "published_on", "score"),
    filters=("region", "year", "state", "plan_id", "project_id", "late"),
    search=("project_name", "goal"),
    parents={"plan_id": "plan", "project_id": "project"},
    lifecycle=TARGET_LIFECYCLE,
    due="due_on",
    topics=("target.moved",),
    acts=(
        Act(
            "填报完成情况",
            "/funds/targets/{id}/results",
            method="PUT",
            states=(TargetState.PUBLISHED,),
            rows={"results": "indicators"},
        ),
        Act(
            "登记运行监控",
            "/funds/targets/{id}/monitorings",
            states=(TargetState.PUBLISHED,),
            rows={"values": "indicators"},
        ),
    ),
    turns=(
        turn(TargetState.DRAFT, TargetAction.SUBMIT, "绩效目标草稿"),
        turn(TargetState.SUBMITTED, TargetAction.APPROVE, "待审批的绩效目标"),
        turn(TargetState.APPROVED, TargetAction.PUBLISH, "待公开的绩效目标"),
        turn(TargetState.PUBLISHED, TargetAction.EVALUATE, "待自评的绩效目标"),
        turn(TargetState.EVALUATED, TargetAction.CONFIRM, "待复核的绩效自评"),
    ),
)
