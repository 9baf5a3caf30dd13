"""The library in and out over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response, StreamingResponse

from services.projects.categories import service as categories
from services.projects.exchange import exports
from services.projects.exchange.layout import COLUMNS, Format
from services.projects.exchange.regions import names_if_there
from services.projects.library.router import Narrowed
from shared.errors import Invalid, NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May
from shared.sheets.forms import template

router = APIRouter(prefix="/projects", tags=["项目导入导出"], route_class=Route)
LARGE = 20 * 1024 * 1024
Table = Annotated[bytes, Body(media_type="application/octet-stream", description="XLSX 或 CSV 文件内容")]
Region = Annotated[str, Query(pattern=r"^[0-9]{12}$", description="导入到哪个县(区)")]
Year = Annotated[int | None, Query(ge=2000, le=2100, description="表中没有年度列时的项目年度")]
XLSX = exports.MEDIA[Format.XLSX][0]


@router.get(
    "/export",
    response_class=StreamingResponse,
    response_model=None,
    **allows(May.PROJECT_READ, refuses=(NotFound, Invalid)),
)
async def export_projects(
    work: Reading,
    narrowed: Narrowed,
    form: Annotated[Format, Query(alias="format", description="xlsx, csv, geojson 或 oc4ids")] = Format.XLSX,
) -> StreamingResponse:
    """导出项目库: 县级项目库表(万元), CSV, GeoJSON (WGS-84), OC4IDS 0.9."""
    written = await exports.write(work, narrowed, form)
    return StreamingResponse(written.chunks(), media_type=written.media_type, headers=written.headers())


@router.get("/template", response_class=Response, response_model=None, **allows(May.PROJECT_READ))
async def download_template(
    work: Reading,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$", description="空为本县")] = None,
) -> Response:
    """项目库表模板: 带下拉列表(项目类型, 乡镇, 建设性质)和填写说明."""
    district = region or work.context.settings.district
    places = await names_if_there(work, district)
    tree = await categories.tree(work, region=district)
    levels = {
        f"category{level}": [one.name for one in tree.items if one.code.count(".") == level - 1]
        for level in (1, 2, 3)
    }
    lists = {name: list(dict.fromkeys(found)) for name, found in levels.items()}
    lists["town"] = [places.names[code] for code in sorted(places.towns)]
    content = template(COLUMNS, name="项目库", title="县级项目库表", lists=lists)
    return Response(content, media_type=XLSX, headers=exports.attached("项目库表模板.xlsx"))
