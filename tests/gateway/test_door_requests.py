"""What passes either door and how: routing, headers, streaming, hang-ups."""

import asyncio
import re
from collections.abc import AsyncGenerator

import httpx
import pytest

from services.gateway.system.service import merge_documents
from shared.http import door_rules
from tests.clients import SystemUnderTest
from tests.gateway.echo_services import DOOR_KINDS, EchoService, OpenDoor, create_echo_services, open_door

SERVICE_BY_PATH = {
    "auth/token": "identity",
    "regions": "identity",
    "organisations": "identity",
    "users/x": "identity",
    "clients": "identity",
    "identity/events": "identity",
    "projects": "projects",
    "projects/1/notices": "projects",
    "funds/plans": "funds",
    "assets/campaigns": "assets",
    "attendance/check-ins": "attendance",
}
SMUGGLED_PATHS = (
    "/internal/events",
    "/api/v1/internal/events",
    "/api/v1/funds/../../internal/events",
    "/api/v1/funds/%2e%2e/%2e%2e/internal/events",
    "/api/v1/funds/..%2f..%2finternal/events",
    "/api/v1/funds/..%5c..%5cinternal",
    "/api/v1/funds/..;/internal",
    "/api/v1/funds/x%00",
    "/api/v1//internal/events",
    "/.well-known/../internal/events",
    "/funds/plans",
    "//internal/events",
    "/api/v1/",
    "/metrics/x",
)
OWN_PATHS = ("/healthz", "/readyz", "/docs", "/docs/start.js")


async def test_the_prefixes_that_services_declare_say_which_answers(opened: OpenDoor) -> None:
    for path, service in SERVICE_BY_PATH.items():
        seen = (await opened.client.get(f"/api/v1/{path}?a=%E5%9C%9F&b=1")).json()
        assert (seen["service"], seen["path"]) == (service, f"/api/v1/{path}")
        assert seen["query"] == "a=%E5%9C%9F&b=1"
    assert (await opened.client.get("/.well-known/jwks.json")).json()["service"] == "identity"


async def test_every_address_of_the_document_reaches_who_declares_it(
    doors: SystemUnderTest, opened: OpenDoor
) -> None:
    documents = {name: app.openapi() for name, app in doors.apps.items() if name != "gateway"}
    owners = {path: name for name, found in documents.items() for path in found["paths"]}
    whole = merge_documents(doors.apps["gateway"].openapi(), documents, [])
    paths = [
        path for path in whole["paths"] if path in owners and path.startswith(("/api/", "/.well-known/"))
    ]
    assert len(paths) > 300

    async def ask(path: str) -> str:
        answer = await opened.client.get(re.sub(r"\{[^}]+\}", "01890000", path))
        return str(answer.json()["service"])

    for start in range(0, len(paths), 32):
        part = paths[start : start + 32]
        answered = await asyncio.gather(*(ask(path) for path in part))
        assert dict(zip(part, answered, strict=True)) == {path: owners[path] for path in part}
    for path in OWN_PATHS:
        assert (await opened.client.get(path)).status_code == 200, path


@pytest.mark.parametrize("path", SMUGGLED_PATHS)
async def test_nothing_else_reaches_a_service(opened: OpenDoor, path: str) -> None:
    answer = await opened.client.get(httpx.URL(opened.url).copy_with(raw_path=path.encode()))
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.search("[一-鿿]", answer.json()["detail"])
    assert opened.calls == 0


async def test_escaped_characters_stay_as_the_caller_wrote_them(opened: OpenDoor) -> None:
    raw = b"/api/v1/projects/%E6%9D%91%3F%23%25"
    seen = (await opened.client.get(httpx.URL(opened.url).copy_with(raw_path=raw))).json()
    assert seen["raw_path"] == raw.decode()


async def test_claims_of_outsiders_are_replaced_by_what_the_door_knows(opened: OpenDoor) -> None:
    names = [
        one.replace("*", "zz") for one in (*door_rules.PROXY_CLAIM_HEADERS, *door_rules.IDENTITY_HEADERS)
    ]
    claims = {name: "admin" for name in names if name not in {"expect", "upgrade"}}
    claims |= {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil",
        "X-Forwarded-Zzz": "evil",
        "X-Time-Left": "9999999",
        "Connection": "x-drop-me, close",
        "X-Drop-Me": "1",
        "TE": "trailers",
        "If-None-Match": '"kept"',
    }
    answer = await opened.client.get("/api/v1/funds/plans", headers=claims)
    seen = dict(answer.json()["headers"])
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-host"] == httpx.URL(opened.url).netloc.decode()
    assert 0 < float(seen["x-time-left"]) <= 30
    assert seen["if-none-match"] == '"kept"'
    gone = set(names) - {"x-time-left", "expect", "upgrade"} | {"x-drop-me", "te", "x-forwarded-zzz"}
    assert not gone & set(seen)


@pytest.mark.parametrize("kind", DOOR_KINDS)
async def test_a_proxy_in_front_is_believed_about_the_last_address_before_it(kind: str) -> None:
    async with open_door(kind, create_echo_services(), proxies=("127.0.0.1/32",)) as opened:
        answer = await opened.client.get(
            "/api/v1/funds/plans", headers={"X-Forwarded-For": "9.9.9.9, 203.0.113.7"}
        )
    assert dict(answer.json()["headers"])["x-forwarded-for"] == "203.0.113.7"


@pytest.mark.parametrize("given", ["phone-0001-abc", "a b<script>", "x" * 81, ""])
async def test_a_good_request_id_is_kept_and_a_strange_one_is_not(opened: OpenDoor, given: str) -> None:
    headers = {"X-Request-ID": given, "Connection": "x-request-id"} if given else {}
    answer = await opened.client.get("/api/v1/funds/plans", headers=headers)
    [told] = answer.headers.get_list("x-request-id")
    assert dict(answer.json()["headers"])["x-request-id"] == told
    assert re.fullmatch(door_rules.REQUEST_ID_PATTERN, told)
    assert (told == given) == (given == "phone-0001-abc")


async def test_a_photo_reaches_the_service_while_it_is_still_being_sent(opened: OpenDoor) -> None:
    service = opened.services["projects"]

    async def photo() -> AsyncGenerator[bytes]:
        yield b"x" * 70_000
        await asyncio.wait_for(service.first_chunk.wait(), 5)
        yield b"y" * 70_000

    answer = await opened.client.post("/api/v1/projects/files", content=photo())
    assert answer.json()["size"] == 140_000


async def test_an_answer_reaches_the_caller_while_it_is_still_being_made(opened: OpenDoor) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with opened.client.stream("GET", "/api/v1/funds/drip", headers={"Accept-Encoding": ""}) as answer:
        parts = [(chunk, loop.time() - began) async for chunk in answer.aiter_raw()]
    assert b"".join(chunk for chunk, _ in parts) == b"012"
    assert parts[0][1] < parts[-1][1] - 0.2


async def test_head_and_length_survive(opened: OpenDoor) -> None:
    answer = await opened.client.head("/api/v1/funds/plans")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 0


async def wait_until_idle(service: EchoService) -> None:
    for _ in range(100):
        if not service.active_requests:
            return
        await asyncio.sleep(0.05)
    pytest.fail("the service still works for a caller who left")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_caller_who_hangs_up_ends_the_work_of_the_service(opened: OpenDoor, method: str) -> None:
    service = opened.services["funds"]
    _, writer = await opened.connect()
    writer.write(
        f"{method} /api/v1/funds/slow HTTP/1.1\r\nHost: 127.0.0.1:{opened.port}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    for _ in range(100):
        if service.active_requests:
            break
        await asyncio.sleep(0.02)
    assert service.active_requests == 1
    writer.close()
    await wait_until_idle(service)


async def test_sixty_four_aborted_uploads_leave_nothing_behind(opened: OpenDoor) -> None:
    async def half() -> AsyncGenerator[bytes]:
        yield b"x" * 10_000
        raise ConnectionError

    async def abort() -> None:
        with pytest.raises((httpx.HTTPError, ConnectionError)):
            await opened.client.post(
                "/api/v1/projects/files", content=half(), headers={"Content-Length": "1000000"}
            )

    await asyncio.gather(*(abort() for _ in range(64)))
    answer = await asyncio.wait_for(opened.client.get("/api/v1/projects"), 5)
    assert answer.status_code == 200
    await wait_until_idle(opened.services["projects"])


@pytest.mark.parametrize("kind", DOOR_KINDS)
async def test_a_service_that_is_down_is_refused_in_chinese_and_the_others_answer(kind: str) -> None:
    services = create_echo_services()
    del services["projects"]
    async with open_door(kind, services) as opened:
        answer = await opened.client.get("/api/v1/projects")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert re.search("[一-鿿]", answer.json()["detail"])
        assert (await opened.client.get("/api/v1/funds/plans")).status_code == 200
        assert (await opened.client.get("/readyz")).status_code == 200


async def test_silence_ends_in_504_that_says_how_to_go_on(opened: OpenDoor) -> None:
    answer = await opened.client.post("/api/v1/funds/slow")
    assert answer.status_code == 504
    assert answer.headers["retry-after"] == "5"
    assert "Idempotency-Key" in answer.json()["detail"]
