"""Route of `/projects/summary`."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.projects.summary import service
from services.projects.summary.schemas import ProjectsSummary
from shared.auth import May
from shared.china import RegionCode
from shared.http import ReadWork, Route, requires
from shared.records import keep_page
from shared.records.region_names import find_place_names

router = APIRouter(prefix="/projects/summary", tags=["项目统计"], route_class=Route)


@router.get("", response_model=ProjectsSummary, **requires(May.PROJECT_READ))
async def read_summary(
    work: ReadWork,
    region: Annotated[RegionCode | None, Query(description="空为本县")] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
) -> Response:
    """项目统计: 按下级地区、阶段、一级类型的个数与金额."""
    area = region or work.home_region
    places = await find_place_names(work, area)
    make = partial(service.compute_summary, work, area, year, places)
    return await keep_page(work, "summary", (area, year, places), make)
