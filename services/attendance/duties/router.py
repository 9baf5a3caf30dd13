"""Routes `/attendance/duties`, `/attendance/calendar` and `/attendance/duty-swaps`."""

import asyncio
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlmodel import col

from services.attendance.duties import repository, service
from services.attendance.duties.exporter import build_duty_sheet
from services.attendance.duties.lifecycle import SWAP, SwapAction, SwapState, caller_is_partner
from services.attendance.duties.models import Duty, DutySwap
from services.attendance.duties.schemas import (
    CalendarDay,
    CycleAnswer,
    DutyAct,
    DutyEnd,
    DutyShiftRead,
    Rota,
    RotaCycle,
    SwapCreate,
    SwapDetail,
    SwapRead,
)
from services.attendance.fields import MonthQuery, PersonQuery, RegionQuery
from services.attendance.sql_conditions import get_columns, in_date_range
from services.attendance.workbooks import build_download_response
from shared.auth import May
from shared.china import month_bounds
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, moves
from shared.papers import SheetForm
from shared.records import RecordKind, turn
from shared.records.region_names import find_place_names

MAX_ROTA_BYTES = 256 * 1024
"""Body limit in bytes of a rota."""
router = APIRouter(prefix="/attendance", tags=["值班"], route_class=Route)


@router.post(
    "/duties",
    status_code=201,
    response_model=list[DutyShiftRead],
    **requires(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid), body=MAX_ROTA_BYTES),
)
async def set_rota(work: WriteWork, body: Rota) -> list[Duty]:
    """排班."""
    return await service.create_rota(work, body)


@router.post(
    "/duties/cycle",
    response_model=CycleAnswer,
    **requires(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def set_rota_cycle(work: WriteWork, body: RotaCycle) -> CycleAnswer:
    """轮班: 按班次循环排一段日子, 可先试排; 请假或未派驻的日子留空并说明."""
    return await service.create_rota_cycle(work, body)


@router.get("/duties", response_model=Page[DutyShiftRead], **requires(May.PRESENCE_READ))
async def list_duties(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> PageAnswer:
    """值班表; a cadre sees the rota of their posts."""
    where = in_date_range(get_columns(Duty).work_date, since, until)
    return await repository.list_duties(work, page_params, region=region, person=person, where=where)


@router.get("/duties/sheet", response_class=Response, response_model=None, **requires(May.PRESENCE_READ))
async def print_duties(
    work: ReadWork, month: MonthQuery, region: RegionQuery = "", form: SheetForm = "pdf"
) -> Response:
    """值班表: 打印、签字用 (PDF 或 XLSX), A4 横向."""
    places = await find_place_names(work, region or work.home_region)
    duties = await repository.list_month_duties(work, region or work.home_region, *month_bounds(month))
    place = places.describe(region or work.home_region)
    content = await asyncio.to_thread(build_duty_sheet, duties, places, f"{place}{month}值班表", form)
    return build_download_response(content, f"值班表-{place}-{month}.{form}", form)


@router.post(
    "/duties/{duty_id}/{action}",
    response_model=DutyShiftRead,
    **requires(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def end_duty(work: WriteWork, duty_id: UUID, action: DutyEnd, body: DutyAct, match: IfMatch) -> Duty:
    """确认已值班, 或取消班次."""
    return await service.end_duty(work, duty_id, action, body, match)


@router.get("/calendar", response_model=list[CalendarDay], **requires(May.PRESENCE_READ))
async def read_calendar(work: ReadWork, month: MonthQuery, region: RegionQuery = "") -> list[CalendarDay]:
    """一个月的工作日与休息日, 含调休."""
    return await service.list_calendar_days(work, month, region)


swaps_router = APIRouter(prefix="/attendance/duty-swaps", tags=["换班"], route_class=Route)


@swaps_router.post(
    "",
    status_code=201,
    response_model=SwapRead,
    **requires(May.LEAVE_REQUEST, refuses=(NotFound, Conflict, Invalid)),
)
async def ask_for_swap(work: WriteWork, body: SwapCreate) -> DutySwap:
    """申请换班或替班."""
    return await service.create_swap(work, body)


@swaps_router.get("", response_model=Page[SwapRead], **requires(May.PRESENCE_READ))
async def list_swaps(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    state: SwapState | None = None,
    to_agree: Annotated[bool, Query(description="只看等本人同意的")] = False,
) -> PageAnswer:
    """换班列表; a cadre sees those they asked for or are asked for."""
    return await repository.list_swaps(work, page_params, region=region, state=state, to_agree=to_agree)


@swaps_router.get("/{swap_id}", response_model=SwapDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_swap(work: ReadWork, swap_id: UUID) -> SwapDetail:
    """换班与可办事项."""
    return await service.get_swap_detail(work, swap_id)


@swaps_router.post(
    "/{swap_id}/{action}",
    response_model=SwapRead | TransitionPreview,
    **moves(SWAP),
)
async def act_on_swap(
    work: WriteWork,
    swap_id: UUID,
    action: SwapAction,
    body: TransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> DutySwap | TransitionPreview:
    """办理换班: 同意, 不同意, 批准, 不批准, 撤回."""
    return await service.transition_swap(work, swap_id, action, body, match=match, dry_run=dry_run)


DUTY_KIND = RecordKind(
    name="duty",
    label="值班",
    path="/attendance/duties",
    model=Duty,
    read=DutyShiftRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "work_date", "kind", "region", "starts_at", "ends_at", "state"),
    filters=("region", "person", "from", "to"),
    search=("person_name",),
    parents={"post_id": "post"},
    topics=("duty.set",),
    phone=True,
    visible=repository.visible_duties,
)
SWAP_KIND = RecordKind(
    name="duty_swap",
    label="换班",
    path="/attendance/duty-swaps",
    model=DutySwap,
    read=SwapRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "partner_name", "region", "why", "state"),
    filters=("region", "state", "to_agree"),
    search=("person_name", "partner_name"),
    parents={"duty_id": "duty"},
    references={"other_duty_id": "duty"},
    lifecycle=SWAP,
    topics=("duty_swap.moved",),
    turns=(
        turn(SwapState.ASKED, SwapAction.AGREE, "等我同意的换班", key="to_agree.true", owner="partner"),
        turn(SwapState.AGREED, SwapAction.APPROVE, "待审批的换班"),
    ),
    twins={caller_is_partner: lambda work: col(DutySwap.partner) == work.actor.id},
    phone=True,
    visible=repository.visible_swaps,
)
