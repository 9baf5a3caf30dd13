"""`/desk/` and `/m/`: the built pages, with a strict Content-Security-Policy."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from services.gateway.pages.service import APPLICATIONS, find_page_file, is_built
from shared.errors import NotFound, Unavailable
from shared.http import allows_anonymous, get_service_context

router = APIRouter(tags=["页面"], include_in_schema=False)
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{tiles}; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
MISSING_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>衔接</title></head>
<body><h1>页面还没有生成</h1><p>刚启动时请等一两分钟再刷新。连不上软件包仓库的机器没有这些页面，接口和公示栏照常可用。</p>
<p><a href="/">公告公示</a>　<a href="/docs">接口文档</a></p></body></html>
"""


def _build_headers(request: Request, cache_control: str) -> dict[str, str]:
    tiles = get_service_context(request).settings.tile_host
    policy = CONTENT_SECURITY_POLICY.format(tiles=f" {tiles}" if tiles else "")
    return {"Content-Security-Policy": policy, "Cache-Control": cache_control}


def _read_file(request: Request, application: str, path: str) -> Response:
    root: Path = get_service_context(request).settings.pages
    found = find_page_file(root, application, path)
    if found is None and not is_built(root, application):
        return HTMLResponse(
            MISSING_PAGE, Unavailable.status, headers={"Retry-After": "30", "Cache-Control": "no-store"}
        )
    if found is None:
        raise NotFound("没有这个文件", "No such file")
    headers = _build_headers(request, found.cache_control)
    if found.path.name == "sw.js":
        headers["Service-Worker-Allowed"] = f"/{application}/"
    return FileResponse(found.path, media_type=found.media_type, headers=headers)


def _add_application(application: str) -> None:
    @router.get(f"/{application}", response_class=RedirectResponse, response_model=None, **allows_anonymous())
    async def enter() -> Response:
        """进入页面."""
        return RedirectResponse(f"/{application}/")

    @router.get(
        f"/{application}/{{path:path}}",
        response_class=FileResponse,
        response_model=None,
        **allows_anonymous(refuses=(NotFound,)),
    )
    async def read_page(request: Request, path: str) -> Response:
        """页面的一个文件."""
        return _read_file(request, application, path)


for _application in sorted(APPLICATIONS):
    _add_application(_application)
