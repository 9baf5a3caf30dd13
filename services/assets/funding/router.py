"""Funding over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from services.assets.funding import service
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetRead
from shared.errors import Conflict, NotFound
from shared.http import Route, Writing, allows
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产登记"], route_class=Route)


@router.post(
    "/{asset_id}/funding",
    response_model=AssetRead,
    **allows(May.ASSET_REGISTER, refuses=(NotFound, Conflict)),
)
async def carry_funding_over(work: Writing, asset_id: UUID) -> Asset:
    """从资金总账带入形成项目的资金来源, 按比例分到这项资产."""
    return await service.carry_over(work, asset_id)
