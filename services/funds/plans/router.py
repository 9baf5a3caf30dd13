"""HTTP routes of distribution plans and of the import of allocation tables."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import ValidationError

from services.funds.plans import importer, repository, service
from services.funds.plans.importer import ImportParams
from services.funds.plans.lifecycle import PLAN_LIFECYCLE, PlanAction, PlanState
from services.funds.plans.models import Plan
from services.funds.plans.schemas import (
    PlanChange,
    PlanChecks,
    PlanCreate,
    PlanDetail,
    PlanImportRead,
    PlanLineRead,
    PlanLinesWrite,
    PlanRead,
    PlanTransitionRequest,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    FieldError,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, Part, RecordKind, Shortcut, turn
from shared.spreadsheets import XLSX_MEDIA_TYPE

router = APIRouter(prefix="/funds/plans", tags=["分配方案"], route_class=Route)
MAX_PLAN_BYTES = 1024 * 1024
EDIT_ERRORS = (NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)


@router.post(
    "",
    status_code=201,
    response_model=PlanRead,
    **requires(May.PLAN_DRAFT, refuses=(Invalid, Conflict, NotFound), body=MAX_PLAN_BYTES),
)
async def draft_plan(work: WriteWork, body: PlanCreate) -> Plan:
    """编制分配方案, 可一并给出明细."""
    return await service.create_plan(work, body)


@router.get("", response_model=Page[PlanRead], **requires(May.FUND_READ))
async def list_plans(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    state: PlanState | None = None,
) -> PageAnswer:
    """分配方案列表."""
    return await repository.list_plans(work, params, region=region, year=year, state=state)


@router.get("/{plan_id}", response_model=PlanDetail, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_plan(work: ReadWork, plan_id: UUID) -> PlanDetail:
    """分配方案, 明细和可办事项."""
    return await service.get_plan_detail(work, plan_id)


@router.patch("/{plan_id}", response_model=PlanRead, **requires(May.PLAN_DRAFT, refuses=EDIT_ERRORS))
async def change_plan(work: WriteWork, plan_id: UUID, body: PlanChange, match: IfMatch) -> Plan:
    """修改编制中的方案."""
    return await service.update_plan(work, plan_id, body, match)


@router.get(
    "/{plan_id}/lines", response_model=list[PlanLineRead], **requires(May.FUND_READ, refuses=(NotFound,))
)
async def read_lines(work: ReadWork, plan_id: UUID) -> list[PlanLineRead]:
    """方案明细."""
    return (await service.get_plan_detail(work, plan_id)).lines


@router.put(
    "/{plan_id}/lines",
    response_model=PlanRead,
    **requires(May.PLAN_DRAFT, refuses=EDIT_ERRORS, body=MAX_PLAN_BYTES),
)
async def rewrite_lines(work: WriteWork, plan_id: UUID, body: PlanLinesWrite, match: IfMatch) -> Plan:
    """替换编制中方案的全部明细."""
    return await service.replace_plan_lines(work, plan_id, body.lines, match)


@router.get("/{plan_id}/checks", response_model=PlanChecks, **requires(May.FUND_READ, refuses=(NotFound,)))
async def check_plan(work: ReadWork, plan_id: UUID) -> PlanChecks:
    """方案检查: 每条规则现在怎么说."""
    return await service.get_plan_checks(work, plan_id)


@router.post(
    "/{plan_id}/checks",
    response_model=PlanChecks,
    **requires(May.PLAN_DRAFT, refuses=(NotFound, Invalid), body=MAX_PLAN_BYTES),
)
async def judge_lines(work: ReadWork, plan_id: UUID, body: PlanLinesWrite) -> PlanChecks:
    """检查还没有保存的明细: 每条规则怎么说."""
    return await service.judge_plan_lines(work, plan_id, body.lines)


@router.post(
    "/{plan_id}/{action}",
    response_model=PlanRead | TransitionPreview,
    **moves(PLAN_LIFECYCLE),
)
async def act_on_plan(
    work: WriteWork,
    plan_id: UUID,
    action: PlanAction,
    body: PlanTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> Plan | TransitionPreview:
    """办理方案: 报审, 退回, 审定, 公示, 下达, 撤销."""
    return await service.transition_plan(work, plan_id, action, body, match=match, dry_run=dry_run)


MAX_TABLE_BYTES = 4 * 1024 * 1024
ATTACHMENT_HEADERS = {"Content-Disposition": "attachment; filename=allocations.xlsx"}
import_router = APIRouter(prefix="/funds/imports", tags=["分配表导入"], route_class=Route)
TableContent = Annotated[bytes, Body(media_type=XLSX_MEDIA_TYPE)]


async def _parse_import_params(
    region: RegionCode,
    title: Annotated[str, Query(min_length=2, max_length=300, description="方案标题")],
    year: Annotated[int, Query(ge=2000, le=2100)],
    source_id: Annotated[list[UUID], Query(min_length=1, max_length=20, description="所用指标文, 可几份")],
    announced_total: Annotated[
        str, Query(max_length=20, description="方案总额, 元; 明细合计须分毫不差", examples=["12590000.00"])
    ],
    batch: Annotated[str, Query(max_length=200)] = "",
    id: Annotated[UUID | None, Query(description="方案的 UUIDv7; 同一文件再次上传时认得出")] = None,  # noqa: A002
) -> ImportParams:
    try:
        plan = PlanCreate(
            id=id, region=region, title=title, year=year, batch=batch, announced_total=announced_total
        )
    except ValidationError as error:
        detail = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Invalid(
            detail,
            "announced_total is no amount",
            errors=[FieldError("amount", detail, "", "/announced_total")],
        ) from None
    return ImportParams(plan, tuple(dict.fromkeys(source_id)))


ImportQuery = Annotated[ImportParams, Depends(_parse_import_params)]


@import_router.get("/template", response_class=Response, response_model=None, **requires(May.PLAN_DRAFT))
async def read_template() -> Response:
    """空白分配表(XLSX)."""
    return Response(importer.build_template(), media_type=XLSX_MEDIA_TYPE, headers=ATTACHMENT_HEADERS)


@import_router.post(
    "",
    response_model=PlanImportRead,
    **requires(May.PLAN_DRAFT, refuses=(Invalid, Conflict, NotFound), body=MAX_TABLE_BYTES),
)
async def import_table(
    work: WriteWork, body: TableContent, table: ImportQuery, dry_run: bool = False
) -> PlanImportRead:
    """导入分配表(XLSX 或 CSV, 万元)为编制中的方案; 有任何错误则一行也不导入. `dry_run` 只检查."""
    return await importer.import_table(work, body, table, dry_run=dry_run)


@import_router.post(
    "/marked",
    response_class=Response,
    response_model=None,
    **requires(May.PLAN_DRAFT, refuses=(Invalid, NotFound), body=MAX_TABLE_BYTES),
)
async def mark_table(work: ReadWork, body: TableContent, table: ImportQuery) -> Response:
    """同一张表, 每行注明问题(XLSX), 改好后可直接上传."""
    return Response(
        await importer.annotate_table(work, body, table),
        media_type=XLSX_MEDIA_TYPE,
        headers=ATTACHMENT_HEADERS,
    )


PLAN_KIND = RecordKind(
    name="plan",
    label="分配方案",
    path="/funds/plans",
    model=Plan,
    read=PlanRead,
    may=May.FUND_READ,
    title="title",
    columns=("title", "kind", "region", "year", "announced_total", "decision_no", "state", "issued_on"),
    filters=("region", "year", "state"),
    search=("title", "decision_no"),
    parents={"amends": "plan"},
    lifecycle=PLAN_LIFECYCLE,
    topics=("plan.drafted", "plan.moved"),
    turns=(
        turn(PlanState.DRAFT, PlanAction.SUBMIT, "分配方案草稿"),
        turn(PlanState.RETURNED, PlanAction.SUBMIT, "退回修改的分配方案"),
        turn(PlanState.SUBMITTED, PlanAction.APPROVE, "待审定的分配方案"),
        turn(PlanState.APPROVED, PlanAction.NOTICE, "待公示的分配方案"),
        turn(PlanState.NOTICED, PlanAction.ISSUE, "公示中的分配方案"),
    ),
    acts=(
        Act("发布公示", "/funds/plans/{id}/notices", states=(PlanState.APPROVED,)),
        Act(
            "编排明细",
            "/funds/plans/{id}/lines",
            method="PUT",
            states=(PlanState.DRAFT, PlanState.RETURNED),
            judge="/funds/plans/{id}/checks",
        ),
    ),
    parts=(Part("findings", "规则检查", "/funds/plans/{id}/checks", inside="findings"),),
    shortcuts=(Shortcut(May.PLAN_DRAFT, "编制分配方案", "/funds/plans"),),
)
