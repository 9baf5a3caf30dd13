"""Inspections over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.assets.inspections import batches, repository, service
from services.assets.inspections.models import Inspection
from services.assets.inspections.schemas import (
    Condition,
    InspectionBatch,
    InspectionPost,
    InspectionRead,
    InspectionsTaken,
)
from services.assets.register import repository as register
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产巡查"], route_class=Route)


@router.get("/inspections", response_model=Page[InspectionRead], **allows(May.ASSET_READ))
async def list_inspections(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    condition: Condition | None = None,
) -> Page[Inspection]:
    """辖区内的巡查记录, 新的在前."""
    return await repository.listed(work, asked, region=region, condition=condition)


@router.post(
    "/inspections",
    response_model=InspectionsTaken,
    **allows(May.ASSET_INSPECT, refuses=(Invalid,), body=512 * 1024),
)
async def take_inspections(work: Writing, body: InspectionBatch) -> InspectionsTaken:
    """提交一批离线巡查记录; 顺序不限, 每条各有结果, 重复的不会重复记录."""
    return await batches.take(work, body)


@router.get(
    "/{asset_id}/inspections",
    response_model=Page[InspectionRead],
    **allows(May.ASSET_READ, refuses=(NotFound,)),
)
async def list_asset_inspections(work: Reading, asked: Paging, asset_id: UUID) -> Page[Inspection]:
    """一项资产的巡查记录, 新的在前."""
    asset = await register.get(work, asset_id)
    return await repository.listed(work, asked, asset_id=asset.id)


@router.post(
    "/{asset_id}/inspections",
    status_code=201,
    response_model=InspectionRead,
    **allows(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid)),
)
async def record_inspection(work: Writing, asset_id: UUID, body: InspectionPost) -> Inspection:
    """登记巡查: 状况、照片、定位."""
    inspection, _ = await service.record(work, asset_id, body)
    return inspection
