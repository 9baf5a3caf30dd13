"""A line to the files service that is slow and cut in the middle of requests, and a phone that goes on after each cut.

Time is the line's own: bytes are seconds at its rate, nobody waits.
"""

import random
from collections.abc import Mapping
from typing import Any

import httpx

from shared.unit_of_work import ServiceContext

BYTES_PER_SECOND = 2500
"""20 kbit/s."""
PIECE = 512
"""Bytes that arrive at once."""
FIRST_CHUNK, MAX_CHUNK = 4096, 8192


class BadLine:
    """Requests to the service that are cut after some bytes."""

    def __init__(
        self,
        context: ServiceContext,
        client: httpx.AsyncClient,
        *,
        seconds_between_cuts: float = 0,
        seed: int = 1,
    ) -> None:
        self.context = context
        self.client = client
        self.seconds_between_cuts = seconds_between_cuts
        self.chance = random.Random(seed)
        self.cuts = 0
        self.sent_bytes = 0
        self.seconds = 0.0
        self._next_cut = self._draw()

    def _draw(self) -> float:
        return (
            self.seconds + self.chance.expovariate(1 / self.seconds_between_cuts)
            if self.seconds_between_cuts
            else 1e9
        )

    async def send(self, where: str, offset: int, part: bytes) -> bool:
        """Whether the answer came back; the line may be cut before all bytes arrived, or before the answer."""
        needed = len(part) / BYTES_PER_SECOND
        if self.seconds + needed < self._next_cut:
            self.seconds += needed
            self.sent_bytes += len(part)
            answer = await self.client.patch(where, content=part, headers=_headers(offset))
            return answer.status_code == 204
        arrived = max(0, int((self._next_cut - self.seconds) * BYTES_PER_SECOND))
        self.sent_bytes += arrived
        self.cuts += 1
        self.seconds = self._next_cut
        self._next_cut = self._draw()
        await self.send_and_cut(where, offset, part, after=arrived)
        return False

    async def send_and_cut(
        self, where: str, offset: int, part: bytes, *, after: int, headers: Mapping[str, str] = {}
    ) -> None:
        """A PATCH of which only the first bytes arrive."""
        request = self.client.build_request(
            "PATCH", where, content=part, headers={**_headers(offset), **headers}
        )
        for hook in self.client.event_hooks["request"]:
            await hook(request)
        pieces = [part[start : min(start + PIECE, after)] for start in range(0, after, PIECE)]

        async def receive() -> dict[str, Any]:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(0), "more_body": True}
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            """Nobody hears the answer."""

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "PATCH",
            "scheme": "http",
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
        }
        app: Any = self.client._transport.app  # type: ignore[attr-defined]
        await app(scope, receive, send)


def _headers(offset: int) -> dict[str, str]:
    return {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
    }


async def upload_over(line: BadLine, where: str, content: bytes) -> None:
    """Send all of it: larger pieces while the line holds, the offset from HEAD after a cut."""
    offset, chunk = 0, FIRST_CHUNK
    while offset < len(content):
        part = content[offset : offset + chunk]
        if await line.send(where, offset, part):
            offset, chunk = offset + len(part), min(2 * chunk, MAX_CHUNK)
        else:
            told = await line.client.head(where, headers={"Tus-Resumable": "1.0.0"})
            offset, chunk = int(told.headers["Upload-Offset"]), FIRST_CHUNK
