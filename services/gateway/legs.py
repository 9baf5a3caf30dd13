"""The two ways a request reaches its service: the ASGI call itself in one process, aiohttp over TCP otherwise.

aiohttp, not shared/wire.py's httpx: as a byte mover it carries several times as many requests per second, and streams
both ways without holding a photo. Nothing else in this code base imports it.
"""

import contextlib
from collections.abc import AsyncGenerator

import aiohttp
import structlog
from multidict import CIMultiDict
from starlette.datastructures import Headers as Given
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from services.gateway.headers import Headers, outbound
from shared.errors import Unavailable
from shared.wire import spoken

CONNECT_S = 2
POOLED_S = 20
"""Shorter than services keep idle connections (embedded/processes.py), so that none is used that just closed."""
log = structlog.get_logger("gateway")


class Gone(Exception):
    """The caller hung up before the request was complete."""


async def direct(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Hand the call to a service of this process."""

    async def sending(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": outbound(message.get("headers", []))}  # type: ignore[arg-type]
        await send(message)

    await app(scope, receive, sending)  # type: ignore[arg-type]


class Remote:
    """Pooled connections to services elsewhere."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Opened by the first request, inside its event loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=POOLED_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session

    async def carry(self, base: str, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the request there and the answer back. Unavailable when the service cannot be reached."""
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = CIMultiDict(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        headers.pop("host", None)
        try:
            async with self.session.request(
                scope["method"],
                URL(base.rstrip("/") + target, encoded=True),
                headers=headers,
                data=_body(receive) if _has_body(scope) else None,
                allow_redirects=False,
            ) as answer:
                await _stream(answer, send)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(
                f"{spoken(service)}暂时联系不上, 请稍后重试", f"{service} does not answer"
            ) from error
        except aiohttp.ClientError as error:
            raise Unavailable(
                f"{spoken(service)}中断了连接; 若是提交, 请用同一 Idempotency-Key 重试",
                f"{service} broke the connection; repeat a write with the same Idempotency-Key",
            ) from error

    async def close(self) -> None:
        """Let every connection go."""
        if self._session is not None:
            await self._session.close()


def _has_body(scope: Scope) -> bool:
    given = Given(scope=scope)
    return given.get("content-length", "0") != "0" or scope.get("chunked", False)


async def _body(receive: Receive) -> AsyncGenerator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)


async def _stream(answer: aiohttp.ClientResponse, send: Send) -> None:
    headers: Headers = outbound(answer.raw_headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    with contextlib.suppress(OSError):
        await send({"type": "http.response.body", "body": b"", "more_body": False})
