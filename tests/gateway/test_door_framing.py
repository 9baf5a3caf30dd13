"""Requests that two readers could understand in two ways (findings C1 and the forms beside it), sent byte by byte to both doors."""

import asyncio

import pytest

from tests.gateway.echo_services import OpenDoor

SMUGGLED = b"GET /api/v1/users?marker=SMUGGLED HTTP/1.1\r\nX-Swallow: "
TARGET = b"/api/v1/funds/plans"
CHUNKED_BODY = b"5\r\nhello\r\n0\r\n\r\n"
CL_TE = b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"


def build(
    method: bytes, *lines: bytes, body: bytes = b"", target: bytes = TARGET, host: bytes = b""
) -> bytes:
    """A request as written, ended by `Connection: close` only where a test says so."""
    return b"\r\n".join(
        [method + b" " + target + b" HTTP/1.1", host or b"Host: localhost:%PORT%", *lines, b"", body]
    )


async def send(opened: OpenDoor, request: bytes, *, seconds: float = 1.5) -> bytes:
    """What comes back; the port is filled in."""
    sent = request.replace(b"%PORT%", str(opened.port).encode())
    return await opened.send_raw(sent, seconds=seconds, rest=0.4)


async def assert_others_are_served(opened: OpenDoor) -> None:
    """Eight callers after it get their own answers, and nobody's request was made up."""
    answers = await asyncio.gather(
        *(opened.client.get(f"/api/v1/auth/me?caller={number}") for number in range(8))
    )
    assert [one.json()["query"] for one in answers] == [f"caller={number}" for number in range(8)]
    paths = [path for service in opened.services.values() for _, path, _ in service.seen]
    assert "/api/v1/users" not in paths


@pytest.mark.parametrize(
    "named",
    [
        b"content-length",
        b"Content-Length, close",
        b"transfer-encoding",
        b"host",
        b"x-request-id",
        b"authorization",
        b"x-forwarded-for",
    ],
)
async def test_connection_takes_no_framing_away(opened: OpenDoor, named: bytes) -> None:
    framing = b"Content-Length: %d" % len(SMUGGLED)
    request = build(
        b"POST",
        b"Connection: " + named,
        framing,
        b"Authorization: Bearer x",
        body=SMUGGLED,
        target=b"/api/v1/auth/me",
    )
    answer = await send(opened, request)
    assert answer.startswith(b"HTTP/1.1 "), answer
    for _, path, body in opened.services["identity"].seen:
        assert (path, body) == ("/api/v1/auth/me", SMUGGLED)
    await assert_others_are_served(opened)


FRAMINGS = {
    "CL and TE": (CL_TE, b"0\r\n\r\n" + SMUGGLED),
    "TE and CL": (b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"0\r\n\r\n" + SMUGGLED),
    "two TE": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKED_BODY),
    "TE identity": (b"Transfer-Encoding: identity\r\nContent-Length: 5", b"hello"),
    "TE xchunked": (b"Transfer-Encoding: xchunked", CHUNKED_BODY),
    "TE list": (b"Transfer-Encoding: gzip, chunked", CHUNKED_BODY),
    "TE tab": (b"Transfer-Encoding:\tchunked", CHUNKED_BODY),
    "TE blank before colon": (b"Transfer-Encoding : chunked", CHUNKED_BODY),
    "TE vertical tab": (b"Transfer-Encoding: \x0bchunked", CHUNKED_BODY),
    "TE upper case": (b"Transfer-Encoding: CHUNKED", CHUNKED_BODY),
    "TE quoted": (b'Transfer-Encoding: "chunked"', CHUNKED_BODY),
    "TE folded": (b"Transfer-Encoding:\r\n chunked", CHUNKED_BODY),
    "TE underscore": (b"Transfer_Encoding: chunked\r\nContent-Length: 5", b"hello"),
    "CL twice, equal": (b"Content-Length: 5\r\nContent-Length: 5", b"hello"),
    "CL twice, unequal": (b"Content-Length: 5\r\nContent-Length: 6", b"hello!"),
    "CL list": (b"Content-Length: 5, 5", b"hello"),
    "CL plus": (b"Content-Length: +5", b"hello"),
    "CL minus": (b"Content-Length: -5", b"hello"),
    "CL hex": (b"Content-Length: 0x5", b"hello"),
    "CL blank inside": (b"Content-Length: 5 5", b"hello"),
    "CL empty": (b"Content-Length: ", b"hello"),
    "CL huge": (b"Content-Length: 99999999999999999999", b"hello"),
    "CL leading zero": (b"Content-Length: 005", b"hello"),
    "chunk extension": (b"Transfer-Encoding: chunked", b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    "chunk size 0x": (b"Transfer-Encoding: chunked", b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk bare LF": (b"Transfer-Encoding: chunked", b"5\nhello\n0\n\n"),
    "chunk too long": (b"Transfer-Encoding: chunked", b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "trailer": (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"),
}


@pytest.mark.parametrize("form", FRAMINGS)
async def test_a_body_has_one_length_or_the_request_is_refused(opened: OpenDoor, form: str) -> None:
    framing, body = FRAMINGS[form]
    answer = await send(
        opened, build(b"POST", *framing.split(b"\r\n") if b"\r\n " not in framing else [framing], body=body)
    )
    status = int(answer[9:12]) if answer else 0
    assert status in {0, 200, 400, 408, 411, 413, 501, 503}, answer
    bodies = [found for service in opened.services.values() for _, _, found in service.seen]
    assert set(bodies) <= {b"hello", b"", b"0\r\n\r\n"}, bodies
    if status == 200:
        assert bodies
    await assert_others_are_served(opened)


LINES = {
    "no host": (b"GET /api/v1/funds/plans HTTP/1.1\r\n\r\n", {400, 421}),
    "two hosts": (build(b"GET", b"Host: evil.example"), {400}),
    "NUL in a value": (build(b"GET", b"X-A: a\0b"), {400}),
    "bare CR in a value": (build(b"GET", b"X-A: a\rb"), {400}),
    "no colon": (build(b"GET", b"X-A"), {400}),
    "blank in a name": (build(b"GET", b"X A: b"), {400}),
    "HTTP/0.9": (b"GET /api/v1/funds/plans\r\n", {0, 400, 408}),
    "HTTP/9.9": (b"GET /api/v1/funds/plans HTTP/9.9\r\nHost: x\r\n\r\n", {400, 505}),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400, 405, 505}),
    "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", {400, 404, 405, 421}),
    "TRACE": (build(b"TRACE"), {400, 405}),
    "lower case method": (build(b"get"), {400, 405}),
    "unknown method": (build(b"BREW"), {400, 405}),
}


@pytest.mark.parametrize("form", LINES)
async def test_lines_that_are_no_plain_request_reach_no_service(opened: OpenDoor, form: str) -> None:
    request, wanted = LINES[form]
    answer = await send(opened, request)
    assert (int(answer[9:12]) if answer else 0) in wanted, answer
    assert opened.calls == 0
    await assert_others_are_served(opened)


async def test_a_folded_line_is_one_value_or_refused(opened: OpenDoor) -> None:
    answer = await send(opened, build(b"GET", b"X-A: a\r\n X-Actor: admin", b"Connection: close"))
    assert answer[9:12] in {b"200", b"400"}
    assert b'["x-actor"' not in answer


@pytest.mark.parametrize(
    "lines",
    [
        (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        (
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: AAAA",
        ),
    ],
)
async def test_upgrades_are_not_made(opened: OpenDoor, lines: tuple[bytes, ...]) -> None:
    answer = await send(opened, build(b"GET", *lines))
    assert answer[9:12] in {b"200", b"400"}, answer
    assert b" 101 " not in answer


async def test_http_1_0_is_served_and_closed(opened: OpenDoor) -> None:
    request = b"GET /api/v1/funds/plans HTTP/1.0\r\nHost: localhost:%PORT%\r\n\r\n"
    assert (await send(opened, request))[9:12] == b"200"


async def test_the_absolute_form_is_its_path_or_refused(opened: OpenDoor) -> None:
    target = b"http://localhost:%PORT%/api/v1/funds/plans"
    answer = await send(opened, build(b"GET", b"Connection: close", target=target))
    assert answer[9:12] in {b"200", b"400", b"404"}
    assert {path for _, path, _ in opened.services["funds"].seen} <= {"/api/v1/funds/plans"}


@pytest.mark.parametrize("opened", ["caddy"], indirect=True)
async def test_another_host_is_refused(opened: OpenDoor) -> None:
    answer = await opened.client.get("/api/v1/funds/plans", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["type"]) == (421, "/problems/misdirected")
    assert opened.calls == 0


async def test_line_breaks_in_an_address_stay_encoded(opened: OpenDoor) -> None:
    answer = await send(
        opened, build(b"GET", b"Connection: close", target=b"/api/v1/funds/%0d%0aX-Actor:%20a%252e")
    )
    assert answer[9:12] in {b"200", b"400"}
    assert b"\nx-actor" not in answer.lower()
