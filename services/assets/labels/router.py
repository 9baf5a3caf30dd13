"""Labels and what scanning one shows."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.assets.labels import drawing, service
from services.assets.labels.schemas import AssetCard
from services.assets.register import repository as register
from shared.errors import Conflict, NotFound
from shared.http import PublicReading, Reading, Route, allows, public
from shared.permissions import May

CODE = r"^[0-9]{10}[A-Z]{2}[0-9]{5,8}$"
router = APIRouter(prefix="/assets", tags=["资产标识牌"], route_class=Route)


@router.get("/scan/{code}", response_model=AssetCard, **public(refuses=(NotFound,)))
async def scan(work: PublicReading, code: str) -> AssetCard:
    """扫码所见, 不需要登录."""
    return await service.card(work, code)


@router.get(
    "/labels.pdf",
    response_class=Response,
    response_model=None,
    **allows(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def print_labels(
    work: Reading,
    id: Annotated[list[UUID], Query(min_length=1, max_length=200)],  # noqa: A002
) -> Response:
    """标识牌, 每页十张(PDF)."""
    content = drawing.sheet(await service.labels(work, id))
    return Response(content, media_type="application/pdf")


@router.get(
    "/{asset_id}/label.svg",
    response_class=Response,
    response_model=None,
    **allows(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def draw_label(work: Reading, asset_id: UUID) -> Response:
    """一项资产的二维码(SVG)."""
    asset = await register.get(work, asset_id)
    return Response(drawing.svg(service.label(work, asset).url), media_type="image/svg+xml")
