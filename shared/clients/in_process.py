"""A request to an ASGI app of this process: what an HTTP client adds for the network costs more than many an answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import structlog
from starlette.types import ASGIApp, Message, Scope

PATH_SAFE = "/%:@!$&'()*+,;=~"
SERVER_ERROR = 500
PORT = 80
log = structlog.get_logger("client")


@dataclass(slots=True)
class InProcessExchange:
    """One request and the answer to it, collected whole."""

    body: bytes
    status: int = SERVER_ERROR
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    _asked: bool = False
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> Message:
        """The body at once; then, when the answer has ended, that the caller is gone."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self._ended.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._ended.set()


async def call_app(
    app: ASGIApp, service: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> InProcessExchange:
    """Send a request to an app; `target` is a path with its query. An exception of the app is an answer 500."""
    path, _, query = target.partition("?")
    raw_path = quote(path, safe=PATH_SAFE)
    own = {"host": service, **({"content-length": str(len(body))} if body else {})}
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("ascii"),
        "root_path": "",
        "query_string": query.encode("ascii"),
        "headers": [
            (name.lower().encode("ascii"), value.encode("latin-1"))
            for name, value in (*own.items(), *headers.items())
        ],
        "client": ("127.0.0.1", 0),
        "server": (service, PORT),
    }
    exchange = InProcessExchange(body)
    try:
        await app(scope, exchange.receive, exchange.send)
    except Exception:
        # Whatever it is, the caller is told what it would be told over the network.
        log.exception("call within the process", service=service)
        exchange.status = SERVER_ERROR
    return exchange


__all__ = ["InProcessExchange", "call_app"]
