"""`/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`: nothing from outside this machine is loaded."""

from pathlib import Path
from typing import Any

import swagger_ui_bundle
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from services.gateway.system import service
from services.gateway.system.openapi import older
from services.gateway.system.schemas import Readiness
from shared.errors import NotFound, Unavailable
from shared.http import context_of, public
from shared.watch import Metrics

DRAWN = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
START = "start.js"
PAGE = f"""<!doctype html>
<html lang="zh">
<head><meta charset="utf-8"><title>衔接 接口文档</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="docs/favicon-32x32.png"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="page"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/{START}"></script></body>
</html>
"""
SCRIPT = """SwaggerUIBundle({
  url: "docs/openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "none", filter: true,
  persistAuthorization: true, validatorUrl: null, defaultModelsExpandDepth: 0,
});
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def routes(metrics: Metrics) -> APIRouter:
    """The operators' addresses, and the documents."""
    router = APIRouter(tags=["运维"])
    _health(router, metrics)
    _documents(router)
    return router


def _health(router: APIRouter, metrics: Metrics) -> None:
    @router.get("/healthz", response_model=dict[str, str], **public())
    async def alive() -> dict[str, str]:
        return {"status": "ok", "service": metrics.service}

    @router.get("/readyz", response_model=Readiness, **public(refuses=(Unavailable,)))
    async def ready(request: Request) -> Any:  # noqa: ANN401 - JSON either way
        """所有服务是否就绪: 503 when any is not, naming it; the others are served all the same."""
        found = await service.readiness(context_of(request))
        return JSONResponse(found.model_dump(), 200 if found.status == "ok" else 503)

    @router.get("/metrics", response_class=Response, response_model=None, **public())
    async def figures() -> Response:
        return metrics.expose()


def _documents(router: APIRouter) -> None:
    catalogue = service.Catalogue()
    folder = Path(str(swagger_ui_bundle.swagger_ui_path))

    @router.get("/openapi.json", response_class=JSONResponse, response_model=None, **public())
    async def openapi(request: Request) -> Response:
        """全部接口, OpenAPI 3.1."""
        return JSONResponse(await catalogue.read(context_of(request), request.app.openapi()))

    @router.get("/docs", response_class=HTMLResponse, response_model=None, **public())
    async def docs() -> Response:
        """接口文档页."""
        return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})

    @router.get("/docs/openapi.json", response_class=JSONResponse, response_model=None, **public())
    async def drawn(request: Request) -> Response:
        """同一文档的 3.0 版本, 供文档页使用."""
        return JSONResponse(older(await catalogue.read(context_of(request), request.app.openapi())))

    @router.get(f"/docs/{START}", response_class=Response, response_model=None, **public())
    async def start() -> Response:
        """文档页的启动脚本."""
        return Response(SCRIPT, media_type="text/javascript")

    @router.get(
        "/docs/{name}", response_class=FileResponse, response_model=None, **public(refuses=(NotFound,))
    )
    async def part(name: str) -> Response:
        """文档页的样式与脚本."""
        if name not in DRAWN:
            raise NotFound("没有这个文件", "No such file")
        return FileResponse(
            folder / name, media_type=DRAWN[name], headers={"Cache-Control": "public, max-age=86400"}
        )
