"""Sums over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.assets.sums import service
from services.assets.sums.schemas import AssetSummary
from shared.contracts.assets import Coverage
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产合计"], route_class=Route)


@router.get("/coverage/{project_id}", response_model=Coverage, **allows(May.ASSET_READ))
async def read_coverage(work: Reading, project_id: UUID) -> Coverage:
    """一个项目的资产登记情况; 没有资产时各项为零."""
    return await service.coverage(work, project_id)


@router.get("/summary", response_model=AssetSummary, **allows(May.ASSET_READ))
async def read_summary(
    work: Reading,
    region: Annotated[str, Query(pattern=r"^[0-9]{12}$")],
    year: Annotated[int | None, Query(ge=1978, le=2100, description="形成年度, 空为全部")] = None,
) -> AssetSummary:
    """一个地区(一年)的资产: 按类别、所有权人、登记状态、使用状态."""
    return await service.summary(work, region, year)
