"""Kept connections to services: what comes over them, and what happens when the other end does something odd."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.gateway import http1_pool
from services.gateway.http1_pool import Broken, Lines, Unreachable

AnswerHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
SMALL_RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class RawServer:
    """A raw server that counts connections and the requests of each."""

    def __init__(self, answer: AnswerHandler) -> None:
        self.answer = answer
        self.connections = 0
        self.requests = 0
        self.port = 0

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        nth = 0
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                nth += 1
                await self.answer(reader, writer, nth)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def run_raw_server(answer: AnswerHandler) -> AsyncGenerator[tuple[RawServer, Lines]]:
    service, kept = RawServer(answer), Lines()
    server = await asyncio.start_server(service.serve_connection, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service, kept
    finally:
        await kept.close()
        server.close()
        await server.wait_closed()


async def send_request(kept: Lines, port: int, method: str = "GET") -> tuple[int, bytes]:
    request = method.encode() + b" / HTTP/1.1\r\nhost: x\r\n\r\n"
    async with kept.asked("127.0.0.1", port, method, request) as line:
        body, more = b"", True
        while more:
            part, more = await line.part()
            body += part
        return line.status, body


def answer_in_turn(*answers: bytes) -> AnswerHandler:
    """Each request of a connection gets the next of these answers."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nth: int) -> None:
        writer.write(answers[min(nth, len(answers)) - 1])
        await writer.drain()

    return answer


async def test_one_connection_carries_answers_of_every_form() -> None:
    forms = (
        SMALL_RESPONSE,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n",
    )
    async with run_raw_server(answer_in_turn(*forms)) as (service, kept):
        found = [await send_request(kept, service.port) for _ in forms]
    assert found == [(200, b"ok"), (204, b""), (201, b"abc"), (304, b"")]
    assert service.connections == 1


async def test_a_connection_that_just_closed_is_replaced_for_who_reads_and_not_for_who_writes() -> None:
    async def once(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nth: int) -> None:
        if nth > 1:  # the second request of a connection is read and never answered
            raise ConnectionError
        writer.write(SMALL_RESPONSE)

    async with run_raw_server(once) as (service, kept):
        assert await send_request(kept, service.port) == (200, b"ok")
        assert await send_request(kept, service.port) == (200, b"ok")
        assert (service.connections, service.requests) == (2, 3)
        with pytest.raises(Broken):
            await send_request(kept, service.port, "POST")
        assert service.requests == 4, "a write is never sent twice"


@pytest.mark.parametrize(
    "odd",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nconte",
        b"what is this\r\n\r\n",
    ],
)
async def test_half_an_answer_is_no_answer(odd: bytes) -> None:
    async def breaks(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _nth: int) -> None:
        writer.write(odd)
        await writer.drain()
        raise ConnectionError

    async with run_raw_server(breaks) as (service, kept):
        with pytest.raises(Broken):
            await send_request(kept, service.port)


async def test_what_nobody_asked_for_is_no_answer_to_the_next() -> None:
    async with run_raw_server(answer_in_turn(SMALL_RESPONSE + SMALL_RESPONSE)) as (service, kept):
        assert await send_request(kept, service.port) == (200, b"ok")
        await asyncio.sleep(0.05)
        assert await send_request(kept, service.port) == (200, b"ok")
        assert service.connections == 2


async def test_closing_is_heeded_and_nobody_there_is_said() -> None:
    closing = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
    async with run_raw_server(answer_in_turn(closing)) as (service, kept):
        assert [await send_request(kept, service.port) for _ in range(2)] == [(200, b"ok")] * 2
        assert service.connections == 2
    with pytest.raises(Unreachable):
        await send_request(Lines(), service.port)


async def test_a_slow_caller_does_not_pile_an_answer_up() -> None:
    size = 64 * http1_pool.BUFFERED
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    sent = 0

    async def large(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _nth: int) -> None:
        nonlocal sent
        writer.write(head)
        while sent < size:
            writer.write(bytes(65536))
            sent += 65536
            await writer.drain()

    async with run_raw_server(large) as (service, kept):
        request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
        async with kept.asked("127.0.0.1", service.port, "GET", request) as line:
            await asyncio.sleep(0.3)
            assert sent < size, "the service waits for the caller"
            got, more = 0, True
            while more:
                part, more = await line.part()
                got += len(part)
        assert got == size
