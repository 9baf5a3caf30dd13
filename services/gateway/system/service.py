"""How all services are, and what they all offer."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from services.gateway.system.openapi import Document, merged
from services.gateway.system.schemas import Readiness
from shared.errors import Refusal
from shared.wire import ServiceName
from shared.work import Context

FRESH = timedelta(minutes=1)


async def readiness(context: Context) -> Readiness:
    """Every service's own answer, asked at once."""
    names = list(ServiceName)
    states = await asyncio.gather(*(_ready(context, name) for name in names))
    services = {str(name): state for name, state in zip(names, states, strict=True)}
    down = [name.label for name in names if services[name] != "ok"]
    return Readiness(status="down" if down else "ok", services=services, missing=down)


async def _ready(context: Context, name: str) -> str:
    if context.wire.absent(name):
        return "没有安装"
    try:
        await context.wire.ask(name, "GET", "/readyz")
    except Refusal as refusal:
        return refusal.detail
    return "ok"


class Catalogue:
    """The merged document, made anew once a minute at most."""

    def __init__(self) -> None:
        self._made: Document = {}
        self._at: datetime | None = None

    async def read(self, context: Context, own: Document) -> Document:
        """All services' documents as one."""
        now = context.clock()
        if self._at is None or not timedelta() <= now - self._at < FRESH or "x-missing" in self._made:
            names = list(ServiceName)
            found = await asyncio.gather(*(_document(context, name) for name in names))
            documents = {str(name): one for name, one in zip(names, found, strict=True) if one is not None}
            missing = [str(name) for name in names if name not in documents]
            self._made, self._at = merged(own, documents, missing), now
        return self._made


async def _document(context: Context, name: str) -> Any:  # noqa: ANN401 - a document, or None
    if context.wire.absent(name):
        return None
    try:
        return await context.wire.ask(name, "GET", "/openapi.json")
    except Refusal:
        return None
