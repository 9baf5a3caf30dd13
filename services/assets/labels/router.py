"""Routes of labels, the scan page and certificates."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from services.assets.labels import service
from services.assets.labels.schemas import AssetCard
from services.assets.register import repository as register
from services.assets.register.schemas import AssetClass
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, NotFound
from shared.http import PublicReadWork, ReadWork, Route, allows_anonymous, content_disposition, requires

CODE_PATTERN = r"^[0-9]{10}[A-Z]{2}[0-9]{5,8}$"
router = APIRouter(prefix="/assets", tags=["资产标识牌"], route_class=Route)


@router.get("/scan/{code}", response_model=AssetCard, **allows_anonymous(refuses=(NotFound,)))
async def read_scanned_asset(work: PublicReadWork, code: str) -> AssetCard:
    """扫码所见, 不需要登录."""
    return await service.get_asset_card(work, code)


SCAN_PAGE_ROUTE = allows_anonymous()
SCAN_PAGE_ROUTE["responses"] |= {
    NotFound.status: {"description": "没有这项资产", "content": {"text/html": {}}}
}


@router.get("/scan/{code}/page", response_class=HTMLResponse, response_model=None, **SCAN_PAGE_ROUTE)
async def read_scan_page(work: PublicReadWork, code: str) -> HTMLResponse:
    """扫标识牌打开的网页: 资产情况和报修表单, 不需要登录."""
    from services.assets.labels import document  # reportlab takes 18 MB

    try:
        status, content = 200, document.render_asset_page(await service.get_asset_card(work, code))
    except NotFound as error:
        status, content = NotFound.status, document.render_unknown_code_page(error.detail)
    return HTMLResponse(
        content, status, headers={"Content-Security-Policy": document.CONTENT_SECURITY_POLICY}
    )


@router.get(
    "/labels.pdf",
    response_class=Response,
    response_model=None,
    **requires(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def print_labels(
    work: ReadWork,
    id: Annotated[list[UUID], Query(min_length=1, max_length=200)],  # noqa: A002
) -> Response:
    """标识牌, 每页十张(PDF)."""
    from services.assets.labels import document  # reportlab takes 18 MB

    content = await asyncio.to_thread(document.draw_label_sheet, await service.list_labels(work, id))
    return Response(content, media_type="application/pdf", headers=content_disposition("标识牌.pdf"))


@router.get(
    "/{asset_id}/label.svg",
    response_class=Response,
    response_model=None,
    **requires(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def draw_label(work: ReadWork, asset_id: UUID) -> Response:
    """一项资产的二维码(SVG)."""
    from services.assets.labels import document  # reportlab takes 18 MB

    asset = await register.get_asset(work, asset_id)
    return Response(document.draw_qr_svg(service.build_label(work, asset).url), media_type="image/svg+xml")


PDF_MEDIA_TYPE = "application/pdf"
certificate_router = APIRouter(prefix="/assets", tags=["权属证书"], route_class=Route)


@certificate_router.get(
    "/certificates.pdf",
    response_class=Response,
    response_model=None,
    **requires(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def print_certificates(
    work: ReadWork,
    region: Annotated[RegionCode, Query(description="村或镇")],
    asset_class: AssetClass | None = None,
) -> Response:
    """一个村(镇)全部权属证书和发放清单(PDF), 每页一本."""
    content = await service.render_region_certificates(work, region, asset_class)
    return Response(content, media_type=PDF_MEDIA_TYPE, headers=content_disposition(f"权属证书-{region}.pdf"))


@certificate_router.get(
    "/{asset_id}/certificate.pdf",
    response_class=Response,
    response_model=None,
    **requires(May.ASSET_READ, refuses=(NotFound, Conflict)),
)
async def print_certificate(work: ReadWork, asset_id: UUID) -> Response:
    """一项资产的权属证书(PDF): 权利人、资产、坐落、原值、资金来源、权证号、二维码."""
    content = await service.render_certificate(work, asset_id)
    return Response(content, media_type=PDF_MEDIA_TYPE, headers=content_disposition("权属证书.pdf"))
