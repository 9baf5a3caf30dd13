"""Limits of a connection, in front of uvicorn's parser: header size and time, body pace, number of connections.

Over TCP Caddy keeps the same limits at the door; the one-process run and the ports of the services keep them here.
Refusals are problem+json in Chinese and end the connection. A request reaches the application when its header is whole,
so an unfinished one takes nothing but its connection.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.db import new_id
from shared.errors import ApiError, BadRequest, Unavailable
from shared.http import door_rules
from shared.http.callers import find_subscriber
from shared.http.door_errors import HeaderTooLarge, RequestTimeout


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection, one address and the process may take."""

    header_bytes: int = door_rules.MAX_HEADER_BYTES
    header_seconds: float = door_rules.READ_TIMEOUT_S
    body_seconds: float = door_rules.BODY_IDLE_TIMEOUT_S
    body_bytes_per_second: int = door_rules.MIN_BODY_BYTES_PER_SECOND
    connections: int = 4096
    connections_per_address: int = 1024


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits; `limits` is set by `limited_protocol`."""

    limits = ConnectionLimits()
    per_address: ClassVar[Counter[str]] = Counter()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._address = ""
        self._head_bytes = 0
        self._in_head = True
        self._in_body = False
        self._body_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it when there are too many."""
        super().connection_made(transport)
        self._address = find_subscriber(self.client[0]) if self.client else ""
        self.per_address[self._address] += 1
        if (
            len(self.connections) > self.limits.connections
            or self.per_address[self._address] > self.limits.connections_per_address
        ):
            self._refuse(Unavailable("连接太多, 请稍后重试", "Too many connections", retry_after=2))
            return
        self._expect(self.limits.header_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the connection go."""
        self._stop_timer()
        self.per_address[self._address] -= 1
        if not self.per_address[self._address]:
            del self.per_address[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes, then parse it."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes and not self._head_ends_within(data):
                self._refuse(HeaderTooLarge("请求头超过了上限", "The header is over the limit"))
                return
        super().data_received(data)
        if self._timer is None and self._in_body:
            self._expect(self.limits.body_seconds, self._check_body_pace)
        elif self._timer is None and self._head_bytes:  # part of a header on a kept connection
            self._expect(self.limits.header_seconds, self._head_is_late)

    def _head_ends_within(self, data: bytes) -> bool:
        """Whether the header ends inside the limit although more came in the same piece."""
        end = data.find(b"\r\n\r\n")
        return end >= 0 and self._head_bytes - len(data) + end <= self.limits.header_bytes

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """The header is whole: from here on a body is expected at a pace."""
        self._in_head, self._in_body, self._head_bytes, self._body_bytes = False, True, 0, 0
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_head, self._in_body = True, False
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed is refused like everything else."""
        self._refuse(BadRequest("请求无法识别", msg))

    def _expect(self, seconds: float, late: Any) -> None:  # noqa: ANN401 - a method without arguments
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if self._head_bytes:
            self._refuse(RequestTimeout("请求没有在时限内到齐", "The header did not arrive in time"))
        else:
            self.transport.close()

    def _check_body_pace(self) -> None:
        """Refuse a body that came slower than the floor, except while the application did not read it."""
        self._timer = None
        least = self.limits.body_bytes_per_second * self.limits.body_seconds
        if not self._in_body or self.transport.is_closing():
            return
        if self._body_bytes < least and not self.flow.read_paused:
            self._refuse(RequestTimeout("上传太慢, 没有在时限内到齐, 请重试", "The body came too slowly"))
            return
        self._body_bytes = 0
        self._expect(self.limits.body_seconds, self._check_body_pace)

    def _refuse(self, error: ApiError) -> None:
        """Answer unless an answer has begun, and end the connection."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        # In the head of a request the cycle is that of the one before.
        before = self.cycle is None or (self._in_head and self.cycle.response_complete)
        if before or not self.cycle.response_started:
            self.transport.write(_render(error))
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _render(error: ApiError) -> bytes:
    request_id = str(new_id())
    body = json.dumps(error.to_problem(request_id=request_id), ensure_ascii=False).encode()
    headers = door_rules.clean_response_headers(
        [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
        ]
    )
    lines = [f"HTTP/1.1 {error.status} {error.title_en}".encode()]
    lines += [name + b": " + value for name, value in [*headers, (b"connection", b"close")]]
    return b"\r\n".join([*lines, b"", body])


def limited_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """A protocol class with these limits and counts of its own."""
    made = type("LimitedHttpProtocol", (LimitedHttpProtocol,), {"limits": limits, "per_address": Counter()})
    return cast("type[asyncio.Protocol]", made)
