"""Performance targets over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.funds.targets import moving, openness, repository, results, service, templates
from services.funds.targets.lifecycle import TARGET, TargetAction, TargetState
from services.funds.targets.models import TargetMonitoring
from services.funds.targets.schemas import (
    MonitoringCreate,
    MonitoringRead,
    PublicTarget,
    Results,
    TargetAct,
    TargetChange,
    TargetCreate,
    TargetDetail,
    TargetRead,
    Template,
    YearSheet,
)
from services.funds.targets.sheet import COLUMNS, year_sheet
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale, VersionRequired
from shared.http import IfMatch, PublicReading, Reading, Route, Writing, allows, public
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May
from shared.sheets import workbook

router = APIRouter(prefix="/funds/targets", tags=["绩效"], route_class=Route)
board = APIRouter(prefix="/funds", tags=["绩效"], route_class=Route)
Region = Annotated[str, Query(pattern=r"^[0-9]{12}$")]
Year = Annotated[int, Query(ge=2000, le=2100)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/templates", response_model=list[Template], **allows(May.FUND_READ))
async def list_target_templates(work: Reading) -> list[Template]:
    """绩效指标模板, 按项目类型."""
    return await templates.templates(work, work.context.settings.district)


@router.get("/sheet", response_model=YearSheet, **allows(May.FUND_READ))
async def read_target_sheet(
    work: Reading, region: Region, year: Year, form: Literal["json", "xlsx"] = "json"
) -> YearSheet | Response:
    """年度绩效表, 可导出为表格."""
    found = await year_sheet(work, region, year)
    if form == "json":
        return found
    rows = [{**row.__dict__, "state_label": row.state.label} for row in found.rows]
    content = workbook(COLUMNS, rows, name=f"{year}年度绩效表")
    headers = {"Content-Disposition": "attachment; filename=targets.xlsx"}
    return Response(content, media_type=XLSX, headers=headers)


@router.post(
    "", status_code=201, response_model=TargetRead, **allows(May.TARGET_MANAGE, refuses=(Conflict, NotFound))
)
async def draft_target(work: Writing, body: TargetCreate) -> TargetRead:
    """编制绩效目标."""
    return moving.shown(await service.draft(work, body))


@router.get("", response_model=Page[TargetRead], **allows(May.FUND_READ))
async def list_targets(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    state: TargetState | None = None,
    plan_id: UUID | None = None,
    project_id: UUID | None = None,
    *,
    late: Annotated[bool, Query(description="只看逾期未公开的")] = False,
) -> Page[TargetRead]:
    """绩效目标列表."""
    found = await repository.listed(
        work,
        asked,
        region=region,
        year=year,
        state=state,
        plan_id=plan_id,
        project_id=project_id,
        late=work.today if late else None,
    )
    items = [moving.shown(one) for one in found.items]
    return Page[TargetRead].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


@router.get("/{target_id}", response_model=TargetDetail, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_target(work: Reading, target_id: UUID) -> TargetDetail:
    """绩效目标, 指标, 监控和可办事项."""
    return await moving.detail(work, target_id)


@router.patch(
    "/{target_id}",
    response_model=TargetRead,
    **allows(May.TARGET_MANAGE, refuses=(NotFound, Conflict, Invalid, Stale, VersionRequired)),
)
async def change_target(work: Writing, target_id: UUID, body: TargetChange, match: IfMatch) -> TargetRead:
    """修改编制中的绩效目标."""
    return moving.shown(await service.change(work, target_id, body, match))


@router.put(
    "/{target_id}/results",
    response_model=TargetRead,
    **allows(May.TARGET_MANAGE, refuses=(NotFound, Conflict, Invalid, Stale, VersionRequired)),
)
async def fill_in_results(work: Writing, target_id: UUID, body: Results, match: IfMatch) -> TargetRead:
    """填报完成情况, 佐证材料和偏差原因."""
    return moving.shown(await results.fill_in(work, target_id, body, match))


@router.post(
    "/{target_id}/monitorings",
    status_code=201,
    response_model=MonitoringRead,
    **allows(May.TARGET_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def monitor_target(work: Writing, target_id: UUID, body: MonitoringCreate) -> TargetMonitoring:
    """登记绩效运行监控."""
    return await results.monitor(work, target_id, body)


@router.post(
    "/{target_id}/{action}",
    response_model=TargetRead | Preview,
    description=f"```mermaid\n{TARGET.mermaid()}\n```",
    **allows(*TARGET.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_target(
    work: Writing,
    target_id: UUID,
    action: TargetAction,
    body: TargetAct,
    match: IfMatch,
    *,
    dry_run: bool = False,
) -> TargetRead | Preview:
    """办理绩效目标; `dry_run` 只问能否办理."""
    done = await moving.act(work, target_id, action, body, match=match, dry_run=dry_run)
    return done if isinstance(done, Preview) else moving.shown(done)


@board.get("/public-targets", response_model=Page[PublicTarget], **public())
async def list_public_targets(
    work: PublicReading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    project_id: UUID | None = None,
) -> Page[PublicTarget]:
    """已公开的绩效目标及审定的自评结果, 不需登录."""
    return await openness.public_targets(work, asked, region=region, year=year, project_id=project_id)
