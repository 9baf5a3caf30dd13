"""Routes `/attendance/months`, `/attendance/years` and the signed sheets."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from sqlmodel import col

from services.attendance import repository as records
from services.attendance.fields import MonthQuery, RegionQuery, RequiredRegionQuery, YearQuery
from services.attendance.months import repository, service
from services.attendance.months.exporter import build_month_sheet
from services.attendance.months.lifecycle import SHEET, SheetAction, SheetState, month_ended
from services.attendance.months.models import MonthSheet
from services.attendance.months.schemas import GroupBy, MonthRead, OwnMonth, SheetDetail, SheetRead, SheetSign
from services.attendance.workbooks import build_download_response
from shared.auth import May
from shared.errors import NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.papers import SheetForm
from shared.records import RecordKind, turn
from shared.records.region_names import find_place_names

router = APIRouter(prefix="/attendance", tags=["月表"], route_class=Route)
GroupQuery = Annotated[UUID | None, Query(description="只算这个考勤组的日子")]


@router.get("/months", response_model=MonthRead, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_month(
    work: ReadWork,
    region: RequiredRegionQuery,
    month: MonthQuery,
    by: GroupBy = "person",
    group_id: GroupQuery = None,
) -> MonthRead:
    """月表: 按人、队、考勤组、村或镇, 按名称与代码排列, 不作排名."""
    return await service.get_month_sheet(work, region, month, by, group_id)


@router.get("/years", response_model=MonthRead, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_year(
    work: ReadWork, region: RequiredRegionQuery, year: YearQuery, by: GroupBy = "person"
) -> MonthRead:
    """年表."""
    return await service.get_month_sheet(work, region, f"{year:04d}", by)


@router.get(
    "/months/export",
    response_class=Response,
    response_model=None,
    **requires(May.PRESENCE_READ, refuses=(NotFound,)),
)
async def export_month(
    work: ReadWork,
    region: RequiredRegionQuery,
    month: MonthQuery,
    form: SheetForm = "xlsx",
    group_id: GroupQuery = None,
) -> Response:
    """月度汇总表: XLSX 的列与钉钉月度汇总相同, PDF 为签字用的考勤表 (A3 横向, √ ○ △ 等符号)."""
    place = (await find_place_names(work, region)).names.get(region, region)
    sheet = await service.get_month_sheet(work, region, month, "person", group_id)
    team_names = await repository.list_team_names(work, region)
    days = await repository.list_day_results(work, region, month)
    return build_download_response(
        await asyncio.to_thread(build_month_sheet, form, sheet, team_names, days, place),
        f"驻村月度汇总-{place}-{month}.{form}",
        form,
    )


@router.get("/sheets", response_model=Page[SheetRead], **requires(May.PRESENCE_READ))
async def list_sheets(
    work: ReadWork, page_params: Pagination, region: RegionQuery = "", state: SheetState | None = None
) -> PageAnswer:
    """签过字的月表."""
    equal = {"state": state}
    return await records.list_records(
        work, page_params, MonthSheet, order="-month", region=region, equal=equal, read=SheetRead
    )


@router.get(
    "/sheets/{sheet_id}", response_model=SheetDetail, **requires(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_sheet(work: ReadWork, sheet_id: UUID) -> SheetDetail:
    """签字时的月表."""
    return await service.get_sheet_detail(work, sheet_id)


@router.post(
    "/months/{action}",
    response_model=SheetRead | TransitionPreview,
    **moves(SHEET),
)
async def act_on_month(
    work: WriteWork,
    action: Annotated[SheetAction, Path()],
    body: SheetSign,
    match: IfMatch,
    dry_run: bool = False,
) -> MonthSheet | TransitionPreview:
    """签字或撤销签字: 签字后各天不再变动."""
    return await service.transition_sheet(work, action, body, match=match, dry_run=dry_run)


own_router = APIRouter(prefix="/attendance/months", tags=["月表"], route_class=Route)


@own_router.get("/mine", response_model=OwnMonth, **requires(May.CHECK_IN, refuses=(NotFound,)))
async def read_own_month(work: ReadWork, month: MonthQuery) -> OwnMonth:
    """我的月表: 各天的认定与依据, 复核, 异议."""
    return await service.get_own_month(work, month)


MONTH_SHEET_KIND = RecordKind(
    name="month_sheet",
    label="月表",
    path="/attendance/sheets",
    model=MonthSheet,
    read=SheetRead,
    may=May.PRESENCE_READ,
    title="month",
    columns=("month", "region", "state", "signed_name", "state_since"),
    filters=("region", "state"),
    create="/attendance/months/sign",
    moves="/attendance/months",
    lifecycle=SHEET,
    topics=("month_sheet.moved",),
    turns=(turn(SheetState.OPEN, SheetAction.SIGN, "待签认的月表"),),
    twins={month_ended: lambda work: col(MonthSheet.month) < f"{work.today:%Y-%m}"},
)
