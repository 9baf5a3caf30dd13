"""Health routes: `/healthz` (process runs), `/readyz` (database answers, not draining), `/metrics` (Prometheus)."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from shared.app.observability import Metrics
from shared.db import execute_core
from shared.errors import ApiError, Unavailable
from shared.http import allows_anonymous, get_service_context


def health_router(metrics: Metrics) -> APIRouter:
    """Router with the health and metrics routes of one service."""
    router = APIRouter(tags=["运维"])

    @router.get("/healthz", response_model=dict[str, str], **allows_anonymous())
    async def alive() -> dict[str, str]:
        return {"status": "ok", "service": metrics.service}

    @router.get("/readyz", response_model=dict[str, str], **allows_anonymous(refuses=(Unavailable,)))
    async def ready(request: Request) -> Any:  # noqa: ANN401 - JSON either way
        context = get_service_context(request)
        if context.draining:
            return JSONResponse({"status": "draining", "service": context.name}, 503)
        try:
            async with context.database.read() as session:
                await execute_core(session, text("SELECT 1 FROM event_log LIMIT 1"))
        except (ApiError, OSError) as error:
            return JSONResponse({"status": "down", "service": context.name, "reason": str(error)}, 503)
        return {"status": "ok", "service": context.name}

    @router.get("/metrics", response_class=Response, response_model=None, **allows_anonymous())
    async def figures() -> Response:
        return metrics.render()

    return router
