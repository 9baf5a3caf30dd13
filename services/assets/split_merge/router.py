"""Routes of split and merge."""

from uuid import UUID

from fastapi import APIRouter

from services.assets.register import repository as register
from services.assets.split_merge import repository, service
from services.assets.split_merge.models import AssetLink
from services.assets.split_merge.schemas import AssetLinkRead, MergePost, SplitMergeResult, SplitPost
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound, PreconditionMissing
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/assets", tags=["资产拆并"], route_class=Route)
SPLIT_MERGE_ERRORS = (NotFound, Conflict, PreconditionMissing, Invalid)


@router.post(
    "/merge", response_model=SplitMergeResult, **requires(May.ASSET_APPROVE, refuses=SPLIT_MERGE_ERRORS)
)
async def merge_assets(work: WriteWork, body: MergePost) -> SplitMergeResult:
    """合并多项资产, 原值相加."""
    return await service.merge_assets(work, body)


@router.post(
    "/{asset_id}/split",
    response_model=SplitMergeResult,
    **requires(May.ASSET_APPROVE, refuses=SPLIT_MERGE_ERRORS),
)
async def split_asset(work: WriteWork, asset_id: UUID, body: SplitPost) -> SplitMergeResult:
    """拆分一项资产, 各项原值之和等于原资产."""
    return await service.split_asset(work, asset_id, body)


@router.get(
    "/{asset_id}/links", response_model=list[AssetLinkRead], **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_links(work: ReadWork, asset_id: UUID) -> list[AssetLink]:
    """一项资产从哪里来, 变成了什么."""
    asset = await register.get_asset(work, asset_id)
    return await repository.list_links(work, asset.id)
