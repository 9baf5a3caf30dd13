"""`/healthz` (the process answers), `/readyz` (this replica can serve: database, schema, epoch, disk, not draining), `/metrics`.

A schema with columns or indexes more than this code knows is no fault: newer code upgrades it while old replicas serve.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.responses import JSONResponse, Response

from shared.app.gauges import ReadingsCollector, read_gauges
from shared.app.observability import Metrics
from shared.db import execute_core
from shared.db.migrate import find_schema_difference, has_database
from shared.errors import ApiError, Unavailable
from shared.events.epoch import get_epoch, read_server_identity
from shared.http import allows_anonymous, get_service_context
from shared.unit_of_work import ServiceContext

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Free space under which a replica does not take requests any more: what is under way can still be written."""
ASK_SQL = {
    "sqlite": "SELECT 0 FROM event_log LIMIT 1",
    "postgresql": "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,"
    " EXISTS (SELECT FROM event_log)",
}
"""Whether the database only reads, and whether the log can be read at all."""


def find_disk_fault(folder: Path) -> str:
    """Why nothing can be written below a folder, in Chinese; empty when it can."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    state = os.statvfs(there)
    if state.f_flag & os.ST_RDONLY:
        return f"磁盘是只读的: {there}"
    free = state.f_bavail * state.f_frsize
    if free < MIN_FREE_BYTES or not state.f_favail:
        return f"磁盘将满: {there} 只剩 {free // 1024 // 1024} MiB"
    return ""


async def _find_fault(context: ServiceContext) -> str:
    """Why this replica cannot serve, in Chinese; empty when it can."""
    if reason := find_disk_fault(context.settings.var):
        return reason
    database = context.database
    # Readers of PostgreSQL may not write whatever the server says: a writer is asked. SQLite's writer would wait for others.
    async with database.read() if database.dialect == "sqlite" else database.write() as session:
        if (await execute_core(session, text(ASK_SQL[context.database.dialect]))).scalar():
            return "数据库是只读的: 可能是备用服务器, 或正在维护"
        if has_database(context.name):
            connection = await session.connection()
            difference = await connection.run_sync(partial(find_schema_difference, context.name))
            if difference.missing:
                return f"数据库的结构与程序不符({difference}), 请重启服务, 按提示处理"
        epoch = await get_epoch(session)
        if epoch.server and epoch.server != await read_server_identity(session):
            return "数据库换了服务器, 请重启服务"
    return ""


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
            reason = await _find_fault(context)
        except (ApiError, DBAPIError, OSError) as error:
            reason = str(error)
        if reason:
            return JSONResponse({"status": "down", "service": context.name, "reason": reason}, 503)
        return {"status": "ok", "service": context.name}

    @router.get("/metrics", response_class=Response, response_model=None, **allows_anonymous())
    async def figures(request: Request) -> Response:
        context = get_service_context(request)
        return metrics.render(ReadingsCollector(context.name, await read_gauges(context)))

    return router
