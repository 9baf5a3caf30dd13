"""A server of somebody else's that behaves as badly as a test wants: down, slow, refusing, cutting the line."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

NO_ANSWER, CONNECTION_CUT = 0, -1
"""Answers that are none: never, and the line cut after reading."""


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came."""

    headers: dict[str, str]
    body: str

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def subject_version(self) -> tuple[str, int]:
        return self.event["subject"], self.event["subjectversion"]


def _accept_request(_letter: ReceivedRequest) -> int:
    return 204


@dataclass
class WebhookReceiver:
    """What it got and what it took; `answer` decides the status of each request."""

    answer: Callable[[ReceivedRequest], int] = _accept_request
    requests: list[ReceivedRequest] = field(default_factory=list)
    accepted_requests: list[ReceivedRequest] = field(default_factory=list)
    port: int = 0
    open_door: bool = True
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/inbox?from=xianjie"

    @property
    def effects(self) -> list[tuple[str, int]]:
        """What took effect, each event once, in the order it first came."""
        return list(dict.fromkeys(letter.subject_version for letter in self.accepted_requests))

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve_connection, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            pairs = (line.partition(":") for line in head.splitlines()[1:] if line)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            letter = ReceivedRequest(
                headers, (await reader.readexactly(int(headers["content-length"]))).decode()
            )
            self.requests.append(letter)
            status = self.answer(letter)
            if status == NO_ANSWER:
                await asyncio.sleep(30)
            if 200 <= status < 300:
                self.accepted_requests.append(letter)
            if status > 0:
                extra = "Location: http://127.0.0.1/elsewhere\r\n" if 300 <= status < 400 else ""
                writer.write(f"HTTP/1.1 {status} X\r\n{extra}Content-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def run_webhook_receiver() -> AsyncGenerator[WebhookReceiver]:
    """One that listens on a port of its own."""
    found = WebhookReceiver()
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
