"""Sizes, paces and numbers at both doors (findings H2, H3), with deadlines scaled to about a second."""

import asyncio
import re
import time

import pytest

from tests.gateway.echo_services import OpenDoor, create_echo_services, open_door


def head(opened: OpenDoor, *lines: str, method: str = "GET", path: str = "/api/v1/funds/plans") -> bytes:
    """The beginning of a request, its header unfinished."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: localhost:{opened.port}", *lines, ""]).encode()


async def read_until_closed(reader: asyncio.StreamReader, seconds: float) -> bytes | None:
    """What comes before the door closes; None when it stays open."""
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    "lines",
    [["X-A: " + "a" * 22_000], [f"X-{number}: b" for number in range(4_000)]],
    ids=["one line", "many lines"],
)
async def test_a_large_header_is_refused(opened: OpenDoor, lines: list[str]) -> None:
    answer = await opened.send_raw(head(opened, *lines) + b"\r\n")
    assert answer[9:12] == b"431", answer[:100]
    assert opened.calls == 0


async def test_a_large_request_line_is_refused(opened: OpenDoor) -> None:
    answer = await opened.send_raw(head(opened, path="/api/v1/funds/plans?q=" + "a" * 22_000) + b"\r\n")
    assert answer[9:12] in {b"431", b"414"}, answer[:100]


async def test_an_endless_header_is_cut_and_costs_the_others_nothing(opened: OpenDoor) -> None:
    _, writer = await opened.connect()
    writer.write(head(opened))
    slowest, sent = 0.0, 0
    for _ in range(100):
        try:
            writer.write(b"X-A: " + b"a" * 50_000)
            await writer.drain()
            sent += 50_000
        except ConnectionError:
            break
        began = time.monotonic()
        assert (await opened.client.get("/api/v1/funds/plans")).status_code == 200
        slowest = max(slowest, time.monotonic() - began)
    assert sent < 3_000_000
    assert slowest < 1


@pytest.mark.parametrize("begun", [True, False])
async def test_an_unfinished_header_ends_in_time(opened: OpenDoor, begun: bool) -> None:
    reader, writer = await opened.connect()
    if begun:
        writer.write(head(opened))
    began = time.monotonic()
    assert await read_until_closed(reader, 5) is not None
    assert 0.5 < time.monotonic() - began < 4


async def _hold_body(opened: OpenDoor, sent: int, announced: int) -> None:
    _, writer = await opened.connect()
    lines = ["Content-Type: application/json", f"Content-Length: {announced}"]
    writer.write(
        head(opened, *lines, method="POST", path="/api/v1/attendance/complaints") + b"\r\n" + b" " * sent
    )
    await writer.drain()


@pytest.mark.parametrize(
    ("callers", "sent", "announced"),
    [
        (270, 1, 60_000),
        (200, 70_000, 1_000_000),  # these hold places, 256 a replica: services let a caller have 8
    ],
)
async def test_slow_bodies_of_many_take_nothing_from_the_others(
    opened: OpenDoor, callers: int, sent: int, announced: int
) -> None:
    await asyncio.gather(*(_hold_body(opened, sent, announced) for _ in range(callers)))
    times = []
    for _ in range(60):
        began = time.monotonic()
        answer = await opened.client.get("/api/v1/attendance/check-ins")
        times.append(time.monotonic() - began)
        assert answer.status_code == 200
    assert max(times) < 3


async def test_a_slow_small_body_reaches_no_service_over_tcp_and_is_given_up(opened: OpenDoor) -> None:
    reader, writer = await opened.connect()
    lines = ["Content-Type: application/json", "Content-Length: 60000"]
    writer.write(head(opened, *lines, method="POST") + b"\r\n ")
    answer = await read_until_closed(reader, 4)
    if opened.kind == "caddy":  # it is given up inside; the caller's line stays open (docs/decisions/0017)
        assert opened.calls == 0
    else:
        assert answer is not None
        assert answer[9:12] == b"408"
        assert not opened.services["funds"].seen


@pytest.mark.parametrize(
    ("path", "size"), [("/api/v1/funds/plans", 2_000_000), ("/api/v1/projects/files", 70_000_000)]
)
async def test_an_announced_size_over_the_limit_is_refused_unread(
    opened: OpenDoor, path: str, size: int
) -> None:
    answer = await opened.send_raw(
        head(opened, f"Content-Length: {size}", method="POST", path=path) + b"\r\n"
    )
    assert answer[9:12] == b"413"
    assert "上限" in answer.decode()
    assert opened.calls == 0


async def test_an_unannounced_size_is_counted(opened: OpenDoor) -> None:
    reader, writer = await opened.connect()
    writer.write(head(opened, "Transfer-Encoding: chunked", method="POST") + b"\r\n")
    answering = asyncio.create_task(reader.read(4000))
    sent = 0
    while not answering.done() and sent < 20_000_000:
        writer.write(b"%x\r\n" % 60_000 + b" " * 60_000 + b"\r\n")
        sent += 60_000
        await asyncio.sleep(0.01)
    answer = await asyncio.wait_for(answering, 3)
    assert answer[9:12] == b"413"
    assert "上限" in answer.decode()
    assert sent < 10_000_000
    assert not opened.services["funds"].seen


async def test_a_large_file_passes_where_a_route_declares_it(opened: OpenDoor) -> None:
    answer = await opened.client.post("/api/v1/projects/files", content=b"x" * 5_000_000)
    assert (answer.status_code, answer.json()["size"]) == (200, 5_000_000)


async def test_compressed_bodies_and_strange_methods_are_refused_in_chinese(opened: OpenDoor) -> None:
    coded = await opened.client.post(
        "/api/v1/funds/plans", content=b"x", headers={"Content-Encoding": "gzip"}
    )
    strange = await opened.client.request("PROPFIND", "/api/v1/funds/plans")
    assert (coded.status_code, strange.status_code) == (415, 405)
    for answer in (coded, strange):
        assert re.search("[一-鿿]", answer.json()["detail"])
    assert opened.calls == 0


async def test_connections_of_one_address_are_limited_in_one_process() -> None:
    async with open_door("process", create_echo_services(), limits={"connections_per_address": 20}) as opened:
        for _ in range(20):
            await opened.connect()
        await asyncio.sleep(0.1)
        reader, _ = await opened.connect()
        answer = await read_until_closed(reader, 3)
    assert answer is not None
    assert answer[9:12] == b"503"
    assert b"retry-after: 2" in answer
