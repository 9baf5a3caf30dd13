"""Labels and what scanning one shows."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from services.assets.labels import drawing, page, service
from services.assets.labels.schemas import AssetCard
from services.assets.register import repository as register
from services.assets.scoped.names import attached
from shared.errors import Conflict, NotFound
from shared.http import PublicReading, Reading, Route, allows, public
from shared.permissions import May

CODE = r"^[0-9]{10}[A-Z]{2}[0-9]{5,8}$"
router = APIRouter(prefix="/assets", tags=["资产标识牌"], route_class=Route)


@router.get("/scan/{code}", response_model=AssetCard, **public(refuses=(NotFound,)))
async def scan(work: PublicReading, code: str) -> AssetCard:
    """扫码所见, 不需要登录."""
    return await service.card(work, code)


PAGE = public()
PAGE["responses"] |= {NotFound.status: {"description": "没有这项资产", "content": {"text/html": {}}}}


@router.get("/scan/{code}/page", response_class=HTMLResponse, response_model=None, **PAGE)
async def show(work: PublicReading, code: str) -> HTMLResponse:
    """扫标识牌打开的网页: 资产情况和报修表单, 不需要登录."""
    try:
        status, content = 200, page.html(await service.card(work, code))
    except NotFound as unknown:
        status, content = NotFound.status, page.lost(unknown.detail)
    return HTMLResponse(content, status, headers={"Content-Security-Policy": page.POLICY})


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
    content = await asyncio.to_thread(drawing.sheet, await service.labels(work, id))
    return Response(content, media_type="application/pdf", headers=attached("标识牌.pdf"))


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
