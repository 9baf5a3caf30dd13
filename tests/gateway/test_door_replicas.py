"""Caddy before two replicas: spread, a dead one unseen, writes never twice, a rolling restart without a failed request."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import httpx
import pytest

from embedded.door import DoorTiming
from tests.gateway.echo_services import (
    QUICK,
    EchoService,
    OpenDoor,
    create_echo_services,
    open_door,
    open_listening_socket,
    serve_app,
)


class DyingReplica:
    """Takes a request, says nothing and breaks the line; says that it is ready."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line = head.split(b"\r\n", 1)[0].decode()
                if "/readyz" in line:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    continue
                for found in head.lower().split(b"\r\n"):
                    if found.startswith(b"content-length:"):
                        await reader.readexactly(int(found.split(b":")[1]))
                self.taken[line.split(" ")[1]] += 1
                break
        writer.close()

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[str]:
        with open_listening_socket() as listener:
            server = await asyncio.start_server(self.serve, sock=listener)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
            server.close()


@asynccontextmanager
async def open_two_replicas() -> AsyncGenerator[tuple[OpenDoor, list[EchoService], AsyncExitStack]]:
    """Caddy before two replicas of funds; the stack ends the first one."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        replicas = [EchoService("funds"), EchoService("funds")]
        addresses = [
            await first.enter_async_context(serve_app(replicas[0])),
            await stack.enter_async_context(serve_app(replicas[1])),
        ]
        opened = await stack.enter_async_context(
            open_door("caddy", create_echo_services(), replicas={"funds": addresses})
        )
        yield opened, replicas, first


async def test_requests_spread_over_replicas() -> None:
    async with open_two_replicas() as (opened, replicas, _):
        await asyncio.gather(*(opened.client.get("/api/v1/funds/plans") for _ in range(60)))
    assert min(one.calls for one in replicas) > 5


async def test_a_dead_replica_is_not_seen_by_callers() -> None:
    async with open_two_replicas() as (opened, _, first):
        await opened.client.get("/api/v1/funds/plans")
        await first.aclose()
        sent = [
            opened.client.post("/api/v1/funds/sources", content=b"x" * 1000)
            if number % 3
            else opened.client.get("/api/v1/funds/plans")
            for number in range(90)
        ]
        answers = await asyncio.gather(*sent)
    assert Counter(one.status_code for one in answers) == {200: 90}


async def test_reads_beside_a_dying_replica_are_answered_by_the_other() -> None:
    dying = DyingReplica()
    async with (
        dying.listen() as bad,
        serve_app(EchoService("funds")) as good,
        open_door(
            "caddy",
            create_echo_services(),
            replicas={"funds": [bad, good]},
            timing=replace(QUICK, retry=DoorTiming.retry),  # as many tries as a real door makes
        ) as opened,
    ):
        answers = [await opened.client.get("/api/v1/funds/plans") for _ in range(30)]
    assert Counter(one.status_code for one in answers) == {200: 30}


@pytest.mark.parametrize(
    ("method", "size"), [("POST", 1), ("POST", 200_000), ("PUT", 10), ("PATCH", 10), ("DELETE", 0)]
)
async def test_a_write_that_broke_is_told_and_not_sent_again(method: str, size: int) -> None:
    dying = DyingReplica()
    async with (
        dying.listen() as bad,
        open_door("caddy", create_echo_services(), replicas={"funds": [bad]}) as opened,
    ):
        for number in range(4):
            path = f"/api/v1/funds/imports?number={number}"
            answer = await opened.client.request(method, path, content=b"x" * size)
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/broken")
            assert answer.json()["status"] == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "2"
            assert "Idempotency-Key" in answer.json()["detail"]
    assert set(dying.taken.values()) == {1}


async def test_a_rolling_restart_fails_no_request() -> None:
    failed: list[object] = []
    done = 0

    async def call(client: httpx.AsyncClient, stopped: asyncio.Event) -> None:
        nonlocal done
        while not stopped.is_set():
            for method in ("GET", "POST"):
                answer = await client.request(
                    method, "/api/v1/funds/plans", content=b"x" if method == "POST" else b""
                )
                done += 1
                if answer.status_code != 200:
                    failed.append(answer)

    async with open_two_replicas() as (opened, replicas, first):
        stopped = asyncio.Event()
        callers = [asyncio.create_task(call(opened.client, stopped)) for _ in range(8)]
        await asyncio.sleep(0.4)
        replicas[0].draining = True
        await asyncio.sleep(0.6)  # longer than the door's checks take
        before = replicas[0].calls
        await asyncio.sleep(0.2)
        assert replicas[0].calls == before, "a draining replica gets nothing new"
        await first.aclose()
        await asyncio.sleep(0.4)
        stopped.set()
        await asyncio.gather(*callers)
    assert done > 50
    assert failed == []


async def test_a_replica_that_comes_back_is_waited_for() -> None:
    """One replica restarts: its callers wait a moment instead of being refused."""
    with open_listening_socket() as reserved:
        port = reserved.getsockname()[1]
    async with open_door(
        "caddy", create_echo_services(), replicas={"funds": [f"127.0.0.1:{port}"]}
    ) as opened:
        asked = asyncio.create_task(opened.client.post("/api/v1/funds/sources", content=b"x"))
        await asyncio.sleep(0.3)
        server = await asyncio.start_server(_answer_once, "127.0.0.1", port)
        answer = await asked
        server.close()
    assert answer.status_code == 200


async def _answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    writer.close()
