"""`/overview`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.gateway.fan_out import FanOut
from services.gateway.overview import service
from services.gateway.overview.schemas import MapRead, Overview
from shared.auth import May
from shared.china import OptionalRegionCode, RegionCode
from shared.errors import NotFound
from shared.http import CurrentActor, Route, get_service_context, requires
from shared.unit_of_work import CHINA_TIME_ZONE

router = APIRouter(prefix="/overview", tags=["总览"], route_class=Route)


@router.get("", response_model=Overview, **requires(May.OVERVIEW_READ, refuses=(NotFound,)))
async def read_overview(
    request: Request,
    actor: CurrentActor,
    region: Annotated[OptionalRegionCode, Query(description="空为本人辖区")] = "",
    year: Annotated[int | None, Query(ge=2000, le=2100, description="空为今年")] = None,
) -> Overview:
    """总览: 一个地区一年的资金、项目、资产、驻村, 一页看完."""
    fan_out = FanOut.from_request(request)
    scope_region = region or next(low for _, low, _ in actor.list_reaches(May.OVERVIEW_READ))
    actor.require(May.OVERVIEW_READ, scope_region)
    return await service.get_overview(
        fan_out, scope_region, year or fan_out.context.clock().astimezone(CHINA_TIME_ZONE).year
    )


@router.get("/map", response_model=MapRead, **requires(May.OVERVIEW_READ, refuses=(NotFound,)))
async def read_map(request: Request, actor: CurrentActor, region: RegionCode) -> MapRead:
    """地图的底图、本地区和下级的界线、审图号; 没有配置的为空."""
    actor.require(May.OVERVIEW_READ, region)
    return await asyncio.to_thread(service.read_map, get_service_context(request).settings, region)
