"""`/healthz`, `/readyz`, `/status`, `/metrics`, `/openapi.json`, `/docs`. The documentation page loads no external resource."""

from pathlib import Path
from typing import Any

import fastapi_swagger
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from services.gateway.system import service
from services.gateway.system.schemas import Readiness
from shared.app import Metrics
from shared.errors import NotFound, Unavailable
from shared.http import allows_anonymous, get_service_context

SWAGGER_UI_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
START_SCRIPT_NAME = "start.js"
DOCS_PAGE = f"""<!doctype html>
<html lang="zh">
<head><meta charset="utf-8"><title>衔接 接口文档</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="docs/favicon-32x32.png"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="page"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/{START_SCRIPT_NAME}"></script></body>
</html>
"""
START_SCRIPT = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "none", filter: true,
  persistAuthorization: true, validatorUrl: null, defaultModelsExpandDepth: 0,
});
"""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def build_router(metrics: Metrics) -> APIRouter:
    """Build the router of health, metrics and API documents."""
    router = APIRouter(tags=["运维"])
    _add_health_routes(router, metrics)
    _add_document_routes(router)
    return router


def _add_health_routes(router: APIRouter, metrics: Metrics) -> None:
    @router.get("/healthz", response_model=dict[str, str], **allows_anonymous())
    async def alive() -> dict[str, str]:
        return {"status": "ok", "service": metrics.service}

    @router.get("/readyz", response_model=dict[str, str], **allows_anonymous(refuses=(Unavailable,)))
    async def ready(request: Request) -> Any:  # noqa: ANN401 - JSON either way
        """网关本身是否就绪: 503 when it was told to end."""
        draining = get_service_context(request).draining
        content = {"status": "draining" if draining else "ok", "service": metrics.service}
        return JSONResponse(content, 503 if draining else 200)

    @router.get("/status", response_model=Readiness, **allows_anonymous(refuses=(Unavailable,)))
    async def status(request: Request) -> Any:  # noqa: ANN401 - JSON either way
        """所有服务是否就绪: 503 when any is not, naming it; the others are served all the same."""
        readiness = await service.get_readiness(get_service_context(request))
        return JSONResponse(readiness.model_dump(), 200 if readiness.status == "ok" else 503)

    @router.get("/metrics", response_class=Response, response_model=None, **allows_anonymous())
    async def figures() -> Response:
        return metrics.render()


def _add_document_routes(router: APIRouter) -> None:
    cache = service.OpenApiCache()
    folder = Path(fastapi_swagger.__file__).parent / "resources"

    @router.get("/openapi.json", response_class=JSONResponse, response_model=None, **allows_anonymous())
    async def openapi(request: Request) -> Response:
        """全部接口, OpenAPI 3.1."""
        return JSONResponse(await cache.get_document(get_service_context(request), request.app.openapi()))

    @router.get("/docs", response_class=HTMLResponse, response_model=None, **allows_anonymous())
    async def docs() -> Response:
        """接口文档页."""
        return HTMLResponse(DOCS_PAGE, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})

    @router.get(
        f"/docs/{START_SCRIPT_NAME}", response_class=Response, response_model=None, **allows_anonymous()
    )
    async def start() -> Response:
        """文档页的启动脚本."""
        return Response(START_SCRIPT, media_type="text/javascript")

    @router.get(
        "/docs/{name}",
        response_class=FileResponse,
        response_model=None,
        **allows_anonymous(refuses=(NotFound,)),
    )
    async def part(name: str) -> Response:
        """文档页的样式与脚本."""
        if name not in SWAGGER_UI_FILES:
            raise NotFound("没有这个文件", "No such file")
        return FileResponse(
            folder / name,
            media_type=SWAGGER_UI_FILES[name],
            headers={"Cache-Control": "public, max-age=86400"},
        )
