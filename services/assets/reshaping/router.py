"""Splitting and merging over HTTP."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.assets.register import repository as register
from services.assets.reshaping import repository, service
from services.assets.reshaping.models import AssetLink
from services.assets.reshaping.schemas import MergePost, Reshaped, SplitPost
from shared.errors import Conflict, Invalid, NotFound, NotReady
from shared.http import Reading, Route, Writing, allows
from shared.money import Money
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产拆并"], route_class=Route)
REFUSES = (NotFound, Conflict, NotReady, Invalid)


class LinkRead(BaseModel):
    """新旧资产的承接关系."""

    model_config = ConfigDict(from_attributes=True)

    old_id: UUID
    new_id: UUID
    value: Money


@router.post("/merge", response_model=Reshaped, **allows(May.ASSET_APPROVE, refuses=REFUSES))
async def merge_assets(work: Writing, body: MergePost) -> Reshaped:
    """合并多项资产, 原值相加."""
    return await service.merge(work, body)


@router.post("/{asset_id}/split", response_model=Reshaped, **allows(May.ASSET_APPROVE, refuses=REFUSES))
async def split_asset(work: Writing, asset_id: UUID, body: SplitPost) -> Reshaped:
    """拆分一项资产, 各项原值之和等于原资产."""
    return await service.split(work, asset_id, body)


@router.get("/{asset_id}/links", response_model=list[LinkRead], **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_links(work: Reading, asset_id: UUID) -> list[AssetLink]:
    """一项资产从哪里来, 变成了什么."""
    asset = await register.get(work, asset_id)
    return await repository.links(work, asset.id)
