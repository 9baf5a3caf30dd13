"""`/attendance/statistics`."""

import asyncio

from fastapi import APIRouter, Response

from services.attendance.fields import MonthQuery, WholeRegion
from services.attendance.statistics import repository, service
from services.attendance.statistics.schemas import By, Statistics
from services.attendance.workbooks import download
from shared.http import Reading, Route, allows
from shared.permissions import May
from shared.workdays import month_span

router = APIRouter(prefix="/attendance/statistics", tags=["帮办实事"], route_class=Route)


@router.get("", response_model=Statistics, **allows(May.PRESENCE_READ))
async def read_statistics(
    work: Reading, region: WholeRegion, month: MonthQuery, by: By = "person"
) -> Statistics:
    """帮办实事月统计: 按人、派出单位或乡镇, 由日常记录生成."""
    return await service.monthly(work, region, month, by)


@router.get("/export", response_class=Response, response_model=None, **allows(May.PRESENCE_READ))
async def export_statistics(work: Reading, region: WholeRegion, month: MonthQuery) -> Response:
    """月统计表与实事清单 (XLSX)."""
    found = await service.monthly(work, region, month, "person")
    deeds = await repository.deeds(work, region, *month_span(month))
    return download(
        await asyncio.to_thread(service.workbook, found, deeds), f"驻村月统计-{region}-{month}.xlsx"
    )
