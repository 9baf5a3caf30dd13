"""Kept connections to services, for requests whose body is small and already here: the answer is streamed.

A byte mover of our own because a general HTTP client costs more than everything else at the door together: httptools,
the parser of our server, reads what comes back. Everything unusual goes through legs.py's aiohttp: large or chunked
bodies, HEAD, https.
"""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import httptools

CONNECT_S = 2.0
POOLED_S = 20
"""Shorter than services keep idle connections (shared/app/serve.py), so that none is used that just closed."""
BUFFERED = 256 * 1024
"""Bytes of an answer that may wait for a slow caller."""
INFORMATIONAL = 200
"""Below: an answer that only announces the real one."""
READING = frozenset({"GET", "OPTIONS"})
"""Methods that may be asked a second time without asking anybody."""


class Broken(Exception):
    """The connection ended before the answer did; `unheard`: before anything of it came."""

    def __init__(self, *, unheard: bool) -> None:
        super().__init__("connection broken")
        self.unheard = unheard


class Unreachable(Exception):
    """Nobody listens there, or not in time."""


class Line(asyncio.Protocol):
    """One connection: a request at a time, its answer as it comes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.used_at = 0.0
        self.fresh = True
        self.lost = False
        self._busy = False
        self._begin()

    def _begin(self) -> None:
        self.status, self.headers, self.headed, self.done = (
            0,
            cast("list[tuple[bytes, bytes]]", []),
            False,
            False,
        )
        self._chunks: deque[bytes] = deque()
        self._size, self._paused, self._stays, self._more_came = 0, False, False, False
        self._waiter: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)

    @property
    def usable(self) -> bool:
        """Whether it can take another request."""
        return not self.lost and self.transport is not None and not self.transport.is_closing()

    @property
    def finished(self) -> bool:
        """Whether the answer is complete and the connection stays open."""
        return self.done and self.usable and self._stays and not self._more_came

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self._begin()
        self._busy = True
        if self.transport is not None:
            self.transport.write(request)

    async def head(self) -> None:
        """Wait for status and headers; Broken when they do not come."""
        while not self.headed:
            await self._next()

    async def part(self) -> tuple[bytes, bool]:
        """The next part of the body, and whether more follows; Broken when it does not come."""
        while not self._chunks and not self.done:
            await self._next()
        part = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and self.transport is not None and not self.lost:
            self.transport.resume_reading()
            self._paused = False
        return part, not self.done

    async def _next(self) -> None:
        if self.lost:
            raise Broken(unheard=not self.status)
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def rest(self, now: float) -> None:
        """Nothing is asked for the time being."""
        self._busy, self.fresh, self.used_at = False, False, now

    def drop(self) -> None:
        """End it at once."""
        self.lost = True
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """What asyncio calls."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """What asyncio calls."""
        if not self._busy:  # nobody asked
            self.drop()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.drop()
        if self._size > BUFFERED and not self.done and not self.lost and self.transport is not None:
            self.transport.pause_reading()
            self._paused = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """What asyncio calls."""
        self.lost = True
        self._wake()

    def on_message_begin(self) -> None:
        """What httptools calls."""
        self._more_came = self.done

    def on_header(self, name: bytes, value: bytes) -> None:
        """What httptools calls."""
        if self._more_came:
            return
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """What httptools calls."""
        if self._more_came:
            return
        self.status = self._parser.get_status_code()
        self.headed = self.status >= INFORMATIONAL
        self._stays = bool(self._parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        """What httptools calls."""
        if self._more_came:
            return
        self._chunks.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """What httptools calls."""
        self.done = self.done or self.headed
        if not self.headed:
            self.headers = []


class Lines:
    """Connections to every service, kept between requests."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], list[Line]] = defaultdict(list)

    @asynccontextmanager
    async def asked(self, host: str, port: int, method: str, request: bytes) -> AsyncGenerator[Line]:
        """A line whose answer has begun. Unreachable or Broken when there is none.

        A kept connection that its other end just closed is replaced, for requests that only read.
        """
        line = await self._asked(host, port, method, request)
        try:
            yield line
        finally:
            self._give_back(host, port, line)

    async def _asked(self, host: str, port: int, method: str, request: bytes) -> Line:
        while True:
            line = self._kept(host, port) or await self._opened(host, port)
            try:
                line.ask(request)
                await line.head()
            except Broken as broken:
                line.drop()
                if line.fresh or not broken.unheard or method not in READING:
                    raise
            except BaseException:
                line.drop()
                raise
            else:
                return line

    def _kept(self, host: str, port: int) -> Line | None:
        idle, now = self._idle[host, port], asyncio.get_running_loop().time()
        while idle:
            line = idle.pop()
            if line.usable and now - line.used_at < POOLED_S:
                return line
            line.drop()
        return None

    async def _opened(self, host: str, port: int) -> Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                found = await loop.getaddrinfo(host, port, type=1)
                where: Any = random.choice(found)[4]  # noqa: S311 - replicas behind one name share the work
                _, line = await loop.create_connection(Line, where[0], port)
        except (OSError, TimeoutError) as error:
            raise Unreachable(str(error)) from error
        return line

    def _give_back(self, host: str, port: int, line: Line) -> None:
        if line.finished:
            line.rest(asyncio.get_running_loop().time())
            self._idle[host, port].append(line)
        else:
            line.drop()

    async def close(self) -> None:
        """Let every connection go."""
        for idle in self._idle.values():
            for line in idle:
                line.drop()
        self._idle.clear()
