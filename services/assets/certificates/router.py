"""Certificates over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.assets.certificates import service
from services.assets.register.kinds import AssetClass
from services.assets.scoped.names import attached
from shared.errors import Conflict, NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May

PDF = "application/pdf"
router = APIRouter(prefix="/assets", tags=["权属证书"], route_class=Route)


@router.get(
    "/certificates.pdf",
    response_class=Response,
    response_model=None,
    **allows(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def print_certificates(
    work: Reading,
    region: Annotated[str, Query(pattern=r"^[0-9]{12}$", description="村或镇")],
    asset_class: AssetClass | None = None,
) -> Response:
    """一个村(镇)全部权属证书和发放清单(PDF), 每页一本."""
    content = await service.of_region(work, region, asset_class)
    return Response(content, media_type=PDF, headers=attached(f"权属证书-{region}.pdf"))


@router.get(
    "/{asset_id}/certificate.pdf",
    response_class=Response,
    response_model=None,
    **allows(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def print_certificate(work: Reading, asset_id: UUID) -> Response:
    """一项资产的权属证书(PDF): 权利人、资产、坐落、原值、资金来源、权证号、二维码."""
    content = await service.of_asset(work, asset_id)
    return Response(content, media_type=PDF, headers=attached("权属证书.pdf"))
