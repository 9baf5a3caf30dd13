"""A gateway on a real socket before services that only say what reached them, in this process or over TCP."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.main import create_app
from shared import clock
from shared.settings import Settings

SECRETS = {"service_key": "s" * 40, "index_key": "i" * 40, "data_keys": {"1": "QUFB" * 11}}


class EchoService:
    """A service that answers what it was asked; some addresses misbehave."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0
        self.received_bytes = 0
        self.first_chunk = asyncio.Event()
        self.active_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, misbehave as the address says, answer."""
        if scope["type"] != "http":
            return
        self.calls += 1
        self.active_requests += 1
        try:
            await self._send_answer(scope, receive, send)
        finally:
            self.active_requests -= 1

    async def _send_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/slow"):
            await asyncio.sleep(30)
        size = await self._read_body(receive)
        headers = [
            (b"content-type", b"application/json"),
            (b"connection", b"x-secret-hop"),
            (b"x-secret-hop", b"1"),
        ]
        start = {"type": "http.response.start", "status": 200}
        if scope["path"].endswith("/drip"):
            await send({**start, "headers": headers})
            for part in range(3):
                await send({"type": "http.response.body", "body": b"%d" % part, "more_body": True})
                await asyncio.sleep(0.2)
            await send({"type": "http.response.body", "body": b""})
            return
        body = json.dumps(self._describe_request(scope, size)).encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

    async def _read_body(self, receive: Receive) -> int:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            size += len(message.get("body", b""))
            self.received_bytes += len(message.get("body", b""))
            if size:
                self.first_chunk.set()
            more = message.get("more_body", False)
        return size

    def _describe_request(self, scope: Scope, size: int) -> dict[str, Any]:
        return {
            "service": self.name,
            "path": scope["path"],
            "raw_path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "method": scope["method"],
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "size": size,
        }


def create_echo_services() -> dict[str, EchoService]:
    """One of each service."""
    return {name: EchoService(name) for name in ("identity", "projects", "funds", "assets", "attendance")}


def open_listening_socket() -> socket.socket:
    """A socket on a free port of this machine."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(256)
    return made


@asynccontextmanager
async def serve_app(app: ASGIApp) -> AsyncGenerator[str]:
    """An app on a real socket; its address."""
    door = open_listening_socket()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        door.close()


def create_gateway(
    apps: Mapping[str, ASGIApp] | None,
    *,
    peers: Mapping[str, str] | None = None,
    now: Any = clock.now,
    **given: Any,
) -> FastAPI:
    """A gateway before these services."""
    settings = Settings.load(
        "gateway", embedded=True, var=Path("/nonexistent"), peers=dict(peers or {}), **SECRETS, **given
    )
    return create_app(settings, apps=apps, now=now)


@asynccontextmanager
async def open_gateway_client(
    services: Mapping[str, ASGIApp],
    leg: str,
    *,
    also: Mapping[str, str] | None = None,
    now: Any = clock.now,
    **given: Any,
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a gateway on a socket; `leg` is how services are reached, "direct" or "tcp"."""
    async with AsyncExitStack() as stack:
        if leg == "direct":
            app = create_gateway(services, now=now, **given)
        else:
            peers = {name: await stack.enter_async_context(serve_app(one)) for name, one in services.items()}
            app = create_gateway(None, peers={**peers, **(also or {})}, now=now, **given)
        await stack.enter_async_context(app.router.lifespan_context(app))
        url = await stack.enter_async_context(serve_app(app))
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20))
