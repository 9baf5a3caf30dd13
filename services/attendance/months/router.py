"""`/attendance/months`, `/attendance/years` and the signed sheets."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from services.attendance import repository as records
from services.attendance.fields import MonthQuery, RegionQuery, WholeRegion, YearQuery
from services.attendance.months import repository, service
from services.attendance.months.lifecycle import SHEET, SheetAction, SheetState
from services.attendance.months.models import MonthSheet
from services.attendance.months.report import report
from services.attendance.months.schemas import By, MonthRead, SheetDetail, SheetRead, SheetSign
from services.attendance.workbooks import download
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance", tags=["月表"], route_class=Route)


@router.get("/months", response_model=MonthRead, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_month(work: Reading, region: WholeRegion, month: MonthQuery, by: By = "person") -> MonthRead:
    """月表: 按人、队、村或镇, 按名称与代码排列, 不作排名."""
    return await service.sheet(work, region, month, by)


@router.get("/years", response_model=MonthRead, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_year(work: Reading, region: WholeRegion, year: YearQuery, by: By = "person") -> MonthRead:
    """年表."""
    return await service.sheet(work, region, f"{year:04d}", by)


@router.get(
    "/months/export",
    response_class=Response,
    response_model=None,
    **allows(May.PRESENCE_READ, refuses=(NotFound,)),
)
async def export_month(work: Reading, region: WholeRegion, month: MonthQuery) -> Response:
    """月度汇总表 (XLSX), 列与钉钉月度汇总相同."""
    sheet = await service.sheet(work, region, month, "person")
    teams = await repository.team_names(work, region)
    days = await repository.grid(work, region, month)
    return download(
        await asyncio.to_thread(report, sheet, teams, days), f"驻村月度汇总-{region}-{month}.xlsx"
    )


@router.get("/sheets", response_model=Page[SheetRead], **allows(May.PRESENCE_READ))
async def list_sheets(
    work: Reading, asked: Paging, region: RegionQuery = "", state: SheetState | None = None
) -> Page[MonthSheet]:
    """签过字的月表."""
    equal = {"state": state}
    return await records.listed(work, asked, MonthSheet, order="-month", region=region, equal=equal)


@router.get(
    "/sheets/{sheet_id}", response_model=SheetDetail, **allows(May.PRESENCE_READ, refuses=(NotFound,))
)
async def read_sheet(work: Reading, sheet_id: UUID) -> SheetDetail:
    """签字时的月表."""
    return await service.detail(work, sheet_id)


@router.post(
    "/months/{action}",
    response_model=SheetRead | Preview,
    description=f"```mermaid\n{SHEET.mermaid()}\n```",
    **allows(*SHEET.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_month(
    work: Writing,
    action: Annotated[SheetAction, Path()],
    body: SheetSign,
    match: IfMatch,
    dry_run: bool = False,
) -> MonthSheet | Preview:
    """签字或撤销签字: 签字后各天不再变动."""
    return await service.act(work, action, body, match=match, dry_run=dry_run)
