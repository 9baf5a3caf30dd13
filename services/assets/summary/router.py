"""Routes of sums, project coverage and the assets' part of the funding trail."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.assets.register import repository as register
from services.assets.summary import service
from services.assets.summary.schemas import AssetSummary, AssetThread
from shared.auth import May
from shared.china import RegionCode
from shared.clients.assets import Coverage
from shared.errors import BadRequest, NotFound
from shared.http import ReadWork, Route, requires

router = APIRouter(prefix="/assets", tags=["资产合计"], route_class=Route)


@router.get("/coverage/{project_id}", response_model=Coverage, **requires(May.ASSET_READ))
async def read_coverage(work: ReadWork, project_id: UUID) -> Coverage:
    """一个项目的资产登记情况; 没有资产时各项为零."""
    return await service.get_coverage(work, project_id)


@router.get("/summary", response_model=AssetSummary, **requires(May.ASSET_READ))
async def read_summary(
    work: ReadWork,
    region: RegionCode,
    year: Annotated[int | None, Query(ge=1978, le=2100, description="形成年度, 空为全部")] = None,
) -> AssetSummary:
    """一个地区(一年)的资产: 按类别、所有权人、登记状态、使用状态."""
    return await service.get_summary(work, region, year)


thread_router = APIRouter(prefix="/assets", tags=["资金全链条"], route_class=Route)


@thread_router.get(
    "/thread", response_model=AssetThread, **requires(May.ASSET_READ, refuses=(NotFound, BadRequest))
)
async def read_thread(
    work: ReadWork, project_id: UUID | None = None, asset_id: UUID | None = None
) -> AssetThread:
    """资金全链条中资产这一段: project_id 或 asset_id 说明从哪里查起."""
    if project_id is not None and asset_id is None:
        assets = await register.list_project_assets(work, project_id)
    elif asset_id is not None and project_id is None:
        assets = [await register.get_asset(work, asset_id)]
        project_id = assets[0].project_id
    else:
        raise BadRequest("请给出 project_id、asset_id 中的一个", "Give exactly one record to start from")
    return await service.get_thread(work, assets, project_id)
