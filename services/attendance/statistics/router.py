"""Routes `/attendance/statistics` and `/attendance/summary`."""

import asyncio
from datetime import date
from functools import partial

from fastapi import APIRouter, Response

from services.attendance.fields import MonthQuery, RequiredRegionQuery, YearQuery
from services.attendance.statistics import repository, service
from services.attendance.statistics.schemas import AttendanceSummary, GroupBy, Statistics
from services.attendance.workbooks import build_download_response
from shared.auth import May
from shared.http import ReadWork, Route, requires
from shared.papers import SheetForm
from shared.records import keep_page
from shared.records.region_names import find_place_names
from shared.unit_of_work import UnitOfWork

router = APIRouter(prefix="/attendance/statistics", tags=["帮办实事"], route_class=Route)


@router.get("", response_model=Statistics, **requires(May.PRESENCE_READ))
async def read_statistics(
    work: ReadWork, region: RequiredRegionQuery, month: MonthQuery, by: GroupBy = "person"
) -> Statistics:
    """帮办实事月统计: 按人、派出单位或乡镇, 由日常记录生成."""
    return await service.get_statistics(work, region, month, by)


@router.get("/export", response_class=Response, response_model=None, **requires(May.PRESENCE_READ))
async def export_statistics(
    work: ReadWork, region: RequiredRegionQuery, month: MonthQuery, form: SheetForm = "xlsx"
) -> Response:
    """月统计表与实事清单 (XLSX 或 PDF), A4 横向."""
    place = (await find_place_names(work, region)).names.get(region, region)
    statistics = await service.get_statistics(work, region, month, "person")
    deeds = await service.list_deed_rows(work, region, month)
    return build_download_response(
        await asyncio.to_thread(service.build_statistics_sheets, form, statistics, deeds, place),
        f"驻村月统计-{place}-{month}.{form}",
        form,
    )


summary_router = APIRouter(prefix="/attendance/summary", tags=["驻村汇总"], route_class=Route)


@summary_router.get("", response_model=AttendanceSummary, **requires(May.PRESENCE_READ))
async def read_summary(work: ReadWork, region: RequiredRegionQuery, year: YearQuery) -> Response:
    """一个地区一年的驻村工作: 只有数量, 没有个人和排名."""
    return await keep_page(work, "summary", (region, year), partial(_summarize, work, region, year))


async def _summarize(work: UnitOfWork, region: str, year: int) -> AttendanceSummary:
    period = (date(year, 1, 1), date(year, 12, 31))
    counts: dict[str, int] = {}
    for count_part in (
        repository.count_assignments,
        repository.count_check_ins,
        repository.count_days,
        repository.count_support_work,
    ):
        counts |= await count_part(work, region, *period)
    return AttendanceSummary(region=region, year=year, **counts)
