"""Both doors on a real socket before services that only say what reached them.

"process" is the dispatcher of the one-process run behind the limits of its server; "caddy" is Caddy with the generated
configuration before services on sockets of their own.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded.door import DoorPlan, DoorTiming, load_declared_routes
from embedded.door_process import run_door
from embedded.processes import find_free_ports
from embedded.system import list_services
from services.gateway.main import create_app
from shared import clock
from shared.app.http_protocol import ConnectionLimits
from shared.app.serve import uvicorn_config
from shared.http import DeclaredRoutes, door_rules
from shared.settings import Settings

SECRETS = {"index_key": "i" * 40, "data_keys": {"1": "QUFB" * 11}}
DOOR_KINDS = ("process", "caddy")
SERVICE_NAMES = tuple(name for name in list_services() if name != "gateway")
QUICK = DoorTiming(
    header=1.0,
    body_idle=1.0,
    body_rate=4096,
    answer=2.0,
    heavy_answer=2.0,
    health_interval=0.2,
    health_fails=1,
    retry=1.5,
)
"""Deadlines scaled down, so that a test waits seconds instead of minutes."""
JPEG_BYTES = b"\xff\xd8\xff" + b"x" * 2000


@cache
def declared_routes() -> dict[str, DeclaredRoutes]:
    """What the services declare."""
    return load_declared_routes()


class EchoService:
    """A service that answers what it was asked; some addresses misbehave."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = SimpleNamespace(declared_routes=declared_routes()[name])
        self.calls = 0
        self.seen: list[tuple[str, str, bytes]] = []
        """Method, path and body of every request that came whole."""
        self.received_bytes = 0
        self.first_chunk = asyncio.Event()
        self.active_requests = 0
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, misbehave as the address says, answer."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/readyz":
            await _send_json(send, 503 if self.draining else 200, {})
            return
        if scope["path"] == "/openapi.json":
            await _send_json(send, 200, {"openapi": "3.1.0", "info": {"version": "1"}, "paths": {}})
            return
        self.calls += 1
        self.active_requests += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self.active_requests -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        ending = scope["path"].rpartition("/")[2]
        if ending == "slow":
            await _wait_for_disconnect(receive, 30)
        body = await self._read_body(receive)
        self.seen.append((scope["method"], scope["path"], body))
        if ending == "drip":
            await _send_in_parts(send)
        elif ending == "broken":
            await _send_json(
                send, 500, {"type": "/problems/internal", "status": 500, "detail": "请告知管理员"}
            )
        elif ending == "large":
            rows = [{"id": number, "name": "新店村水渠"} for number in range(200)]
            await _send_json(send, 200, rows, (b"etag", b'"3-0a1b2c3d"'))
        elif ending == "photo":
            headers = [(b"content-type", b"image/jpeg"), (b"content-length", b"%d" % len(JPEG_BYTES))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": JPEG_BYTES})
        else:
            await _send_json(send, 200, self._describe_request(scope, body), head=scope["method"] == "HEAD")

    async def _read_body(self, receive: Receive) -> bytes:
        found, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            found += message.get("body", b"")
            self.received_bytes += len(message.get("body", b""))
            if found:
                self.first_chunk.set()
            more = message.get("more_body", False)
        return found

    def _describe_request(self, scope: Scope, body: bytes) -> dict[str, Any]:
        return {
            "service": self.name,
            "path": scope["path"],
            "raw_path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "method": scope["method"],
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
            ],
            "size": len(body),
        }


async def _wait_for_disconnect(receive: Receive, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while (await receive())["type"] != "http.disconnect":
            pass
    raise ConnectionError


async def _send_json(
    send: Send, status: int, content: Any, *more: tuple[bytes, bytes], head: bool = False
) -> None:
    body = json.dumps(content, ensure_ascii=False).encode()
    kind = b"application/problem+json" if status >= 400 else b"application/json"
    headers = [
        (b"content-type", kind),
        (b"connection", b"x-secret-hop"),
        (b"x-secret-hop", b"1"),
        (b"content-length", b"%d" % len(body)),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def _send_in_parts(send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in range(3):
        await send({"type": "http.response.body", "body": b"%d" % part, "more_body": True})
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b""})


def create_echo_services() -> dict[str, EchoService]:
    """One of each service."""
    return {name: EchoService(name) for name in SERVICE_NAMES}


def open_listening_socket() -> socket.socket:
    """A socket on a free port of this machine."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(1024)
    return made


class InThreadServer(uvicorn.Server):
    """A server of a test: signals stay the test's."""

    def capture_signals(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()


@asynccontextmanager
async def serve_apps(
    apps: Mapping[str, ASGIApp], limits: ConnectionLimits | None = None
) -> AsyncGenerator[dict[str, str]]:
    """Each app on a real socket, served as in a real run; host and port by name. They end together."""
    servers, running, addresses = [], [], {}
    with ExitStack() as sockets:
        for name, app in apps.items():
            listener = sockets.enter_context(open_listening_socket())
            config = uvicorn_config(app, limits)
            config.timeout_graceful_shutdown = 1
            servers.append(InThreadServer(config))
            running.append(asyncio.create_task(servers[-1].serve(sockets=[listener])))
            addresses[name] = f"127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield addresses
        finally:
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*running)


@asynccontextmanager
async def serve_app(app: ASGIApp, limits: ConnectionLimits | None = None) -> AsyncGenerator[str]:
    """One app on a real socket; its host and port."""
    async with serve_apps({"": app}, limits) as addresses:
        yield addresses[""]


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


@dataclass
class OpenDoor:
    """A door that stands open: where it is, and what is behind it."""

    kind: str
    url: str
    services: Mapping[str, EchoService]
    client: httpx.AsyncClient
    gateway: FastAPI
    plan: DoorPlan | None = None
    held: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens on this machine."""
        return int(self.url.rpartition(":")[2])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of a caller who speaks for himself."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.held.append(writer)
        return reader, writer

    async def send_raw(self, request: bytes, *, seconds: float = 3.0, rest: float = 3.0) -> bytes:
        """Send these bytes; what comes back until the door closes, nothing more comes for `rest` seconds, or `seconds` are over."""
        reader, writer = await self.connect()
        found = b""
        try:
            writer.write(request)
            async with asyncio.timeout(seconds):
                while part := await asyncio.wait_for(reader.read(65536), rest if found else seconds):
                    found += part
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return found

    @property
    def calls(self) -> int:
        """Requests that reached any service."""
        return sum(one.calls for one in self.services.values())


@asynccontextmanager
async def open_door(
    kind: str,
    services: Mapping[str, EchoService],
    *,
    timing: DoorTiming = QUICK,
    replicas: Mapping[str, Sequence[str]] | None = None,
    proxies: tuple[str, ...] = (),
    limits: Mapping[str, int] | None = None,
    **given: Any,
) -> AsyncGenerator[OpenDoor]:
    """One of the two doors before these services, with scaled deadlines."""
    async with AsyncExitStack() as stack:
        if kind == "process":
            gateway = create_gateway(services, door_proxies=proxies, **given)
            seconds = {"ANSWER_TIMEOUT_S": timing.answer, "HEAVY_ANSWER_TIMEOUT_S": timing.heavy_answer}
            for name, value in seconds.items():
                stack.enter_context(patch.object(door_rules, name, value))
            served = ConnectionLimits(
                header_seconds=timing.header,
                body_seconds=timing.body_idle,
                body_bytes_per_second=timing.body_rate,
                **(limits or {}),
            )
            address, plan = await stack.enter_async_context(serve_app(gateway, served)), None
        else:
            addresses = await stack.enter_async_context(serve_apps(services))
            behind = {name: (address,) for name, address in addresses.items()}
            peers = {name: f"http://{where[0]}" for name, where in behind.items()}
            gateway = create_gateway(None, peers=peers, **given)
            behind["gateway"] = (await stack.enter_async_context(serve_app(gateway)),)
            plan = DoorPlan(
                replicas={**dict.fromkeys(declared_routes(), ("127.0.0.1:9",)), **behind, **(replicas or {})},
                routes=declared_routes(),
                port=find_free_ports(["door"])["door"],
                bind="127.0.0.1",
                proxies=proxies,
                timing=timing,
            )
            await stack.enter_async_context(run_door(plan))
            address = f"127.0.0.1:{plan.port}"
        await stack.enter_async_context(gateway.router.lifespan_context(gateway))
        url = f"http://{address}"
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20))
        found = OpenDoor(kind, url, services, client, gateway, plan)
        try:
            yield found
        finally:
            for writer in found.held:
                writer.close()
