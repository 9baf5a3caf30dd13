"""`/healthz` (alive), `/readyz` (its database answers), `/metrics`."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from shared.db import run
from shared.errors import Refusal, Unavailable
from shared.http import context_of, public
from shared.watch import Metrics


def routes(metrics: Metrics) -> APIRouter:
    """The operators' addresses of one service."""
    router = APIRouter(tags=["运维"])

    @router.get("/healthz", response_model=dict[str, str], **public())
    async def alive() -> dict[str, str]:
        return {"status": "ok", "service": metrics.service}

    @router.get("/readyz", response_model=dict[str, str], **public(refuses=(Unavailable,)))
    async def ready(request: Request) -> Any:  # noqa: ANN401 - JSON either way
        context = context_of(request)
        try:
            async with context.database.read() as session:
                await run(session, text("SELECT 1 FROM event_log LIMIT 1"))
        except (Refusal, OSError) as error:
            return JSONResponse({"status": "down", "service": context.name, "reason": str(error)}, 503)
        return {"status": "ok", "service": context.name}

    @router.get("/metrics", response_class=Response, response_model=None, **public())
    async def figures() -> Response:
        return metrics.expose()

    return router
