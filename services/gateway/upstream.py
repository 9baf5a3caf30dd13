"""How a request reaches its service: the ASGI call itself in one process; over TCP lines.py or, if large, aiohttp.

Neither is shared/clients/http_client.py's httpx: as byte movers they carry several times as many requests per second, and stream
without holding a photo. Nothing else in this code base imports aiohttp (docs/decisions/0012).
"""

import contextlib
from collections.abc import AsyncGenerator
from functools import cache

import aiohttp
import structlog
from multidict import CIMultiDict
from starlette.datastructures import Headers as Given
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from services.gateway.headers import HeaderList, build_response_headers
from services.gateway.http1_pool import POOLED_S, Broken, Lines, Unreachable
from shared.clients import display_name
from shared.errors import Unavailable

CONNECT_S = 2
SMALL = 64 * 1024
"""Bytes of a body that is read before it is sent on."""
log = structlog.get_logger("gateway")


class Gone(Exception):
    """The caller hung up before the request was complete."""


async def direct(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Hand the call to a service of this process."""

    async def sending(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": build_response_headers(message.get("headers", []))}  # type: ignore[arg-type]
        await send(message)

    await app(scope, receive, sending)  # type: ignore[arg-type]


class Remote:
    """Pooled connections to services elsewhere."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.lines = Lines()

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
        where = _plain(base)
        if where is not None and _is_small(scope):
            await self._small(where, service, scope, receive, send)
            return
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
            raise _away(service) from error
        except aiohttp.ClientError as error:
            raise _broken(service) from error

    async def _small(
        self, where: tuple[str, int], service: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = _written(scope, where, b"".join([part async for part in _body(receive)]))
        try:
            async with self.lines.asked(*where, scope["method"], request) as line:
                headers = build_response_headers(line.headers)
                await send({"type": "http.response.start", "status": line.status, "headers": headers})
                more = True
                while more:
                    part, more = await line.part()
                    await send({"type": "http.response.body", "body": part, "more_body": more})
        except Unreachable as error:
            raise _away(service) from error
        except Broken as error:
            raise _broken(service) from error

    async def close(self) -> None:
        """Let every connection go."""
        await self.lines.close()
        if self._session is not None:
            await self._session.close()


def _away(service: str) -> Unavailable:
    return Unavailable(f"{display_name(service)}暂时联系不上, 请稍后重试", f"{service} does not answer")


def _broken(service: str) -> Unavailable:
    return Unavailable(
        f"{display_name(service)}中断了连接; 若是提交, 请用同一 Idempotency-Key 重试",
        f"{service} broke the connection; repeat a write with the same Idempotency-Key",
    )


@cache
def _plain(base: str) -> tuple[str, int] | None:
    """Host and port of an address that lines.py can speak to: plain HTTP, nothing after the port."""
    url = URL(base.rstrip("/"))
    return (
        (url.host, url.port) if url.scheme == "http" and url.host and url.port and url.path == "/" else None
    )


def _is_small(scope: Scope) -> bool:
    if scope["method"] == "HEAD" or scope.get("chunked", False):
        return False
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return length.isdigit() and int(length) <= SMALL


def _written(scope: Scope, where: tuple[str, int], body: bytes) -> bytes:
    """The request as it goes over the wire; its headers were read from one, so none can end a line."""
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    lines = [
        b"%s %s HTTP/1.1\r\nhost: %s:%d" % (scope["method"].encode(), target, where[0].encode(), where[1])
    ]
    lines += [b"%s: %s" % one for one in scope["headers"] if one[0] != b"host"]
    return b"\r\n".join([*lines, b"", body])


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
    headers: HeaderList = build_response_headers(answer.raw_headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    with contextlib.suppress(OSError):
        await send({"type": "http.response.body", "body": b"", "more_body": False})
