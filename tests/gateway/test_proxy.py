"""What passes the door and how: routing, headers, streaming, time."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from services.gateway import proxy
from tests.gateway.echo_services import EchoService, create_echo_services, open_gateway_client

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
    "/api/v1//internal/events",
    "/.well-known/../internal/events",
    "/api/v1/FUNDS/plans",
    "/funds/plans",
    "//internal/events",
    "/api/v1/",
)


@pytest.fixture
def services() -> dict[str, EchoService]:
    return create_echo_services()


@pytest.fixture(params=["direct", "tcp"])
async def client(
    request: pytest.FixtureRequest, services: dict[str, EchoService]
) -> AsyncGenerator[httpx.AsyncClient]:
    async with open_gateway_client(services, request.param) as found:
        yield found


async def test_the_first_segment_says_which_service_answers(client: httpx.AsyncClient) -> None:
    for path, service in SERVICE_BY_PATH.items():
        seen = (await client.get(f"/api/v1/{path}?a=%E5%9C%9F&b=1")).json()
        assert (seen["service"], seen["path"]) == (service, f"/api/v1/{path}")
        assert seen["query"] == "a=%E5%9C%9F&b=1"
    assert (await client.get("/.well-known/jwks.json")).json()["service"] == "identity"


@pytest.mark.parametrize("path", SMUGGLED_PATHS)
async def test_nothing_else_reaches_a_service(
    client: httpx.AsyncClient, services: dict[str, EchoService], path: str
) -> None:
    url = httpx.URL(str(client.base_url)).copy_with(raw_path=path.encode())
    answer = await client.get(url)
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert not any(one.calls for one in services.values())


async def test_escaped_characters_stay_as_the_caller_wrote_them(client: httpx.AsyncClient) -> None:
    url = httpx.URL(str(client.base_url)).copy_with(raw_path=b"/api/v1/projects/%E6%9D%91%3F%23%25")
    seen = (await client.get(url)).json()
    assert seen["raw_path"] == "/api/v1/projects/%E6%9D%91%3F%23%25"


async def test_claims_of_outsiders_are_replaced_by_what_the_gateway_knows(client: httpx.AsyncClient) -> None:
    claims = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "X-Actor": "admin",
        "X-User-Id": "admin",
        "X-On-Behalf-Of": "admin",
        "X-Time-Left": "9999999",
        "Connection": "x-drop-me, close",
        "X-Drop-Me": "1",
        "TE": "trailers",
        "If-None-Match": '"kept"',
    }
    seen = dict((await client.get("/api/v1/funds/plans", headers=claims)).json()["headers"])
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-host"] == client.base_url.netloc.decode()
    assert 0 < float(seen["x-time-left"]) <= proxy.PATIENCE_S
    assert seen["if-none-match"] == '"kept"'
    gone = {"forwarded", "x-real-ip", "x-actor", "x-user-id", "x-on-behalf-of", "x-drop-me", "te"}
    assert not gone & set(seen)


async def test_answers_lose_connection_headers_and_carry_one_request_id(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/funds/plans")
    assert "x-secret-hop" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    inside = dict(answer.json()["headers"])["x-request-id"]
    assert answer.headers.get_list("x-request-id") == [inside]


async def test_a_given_request_id_is_kept_and_a_strange_one_is_not(client: httpx.AsyncClient) -> None:
    kept = await client.get("/api/v1/funds/plans", headers={"X-Request-ID": "phone-0001-abc"})
    assert kept.headers["x-request-id"] == "phone-0001-abc"
    strange = await client.get("/api/v1/funds/plans", headers={"X-Request-ID": "a b<script>"})
    assert strange.headers["x-request-id"] != "a b<script>"


async def test_a_photo_reaches_the_service_while_it_is_still_being_sent(
    client: httpx.AsyncClient, services: dict[str, EchoService]
) -> None:
    async def photo() -> AsyncGenerator[bytes]:
        yield b"x" * 70_000
        await asyncio.wait_for(services["projects"].first_chunk.wait(), 5)
        yield b"y" * 70_000

    answer = await client.post("/api/v1/projects/files", content=photo())
    assert answer.json()["size"] == 140_000


async def test_an_answer_reaches_the_caller_while_it_is_still_being_made(client: httpx.AsyncClient) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with client.stream("GET", "/api/v1/funds/drip") as answer:
        parts = [(chunk, loop.time() - began) async for chunk in answer.aiter_raw()]
    assert b"".join(chunk for chunk, _ in parts) == b"012"
    assert parts[0][1] < parts[-1][1] - 0.2


async def test_head_and_length_survive(client: httpx.AsyncClient) -> None:
    answer = await client.head("/api/v1/funds/plans")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 0


async def test_silence_ends_in_504_that_says_how_to_go_on(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "PATIENCE_S", 0.2)
    answer = await client.post("/api/v1/funds/slow")
    assert answer.status_code == 504
    assert answer.headers["retry-after"]
    assert "Idempotency-Key" in answer.json()["detail"]


@pytest.mark.parametrize(("queue", "seconds"), [(0, 9.0), (9, 0.05)])
async def test_a_full_service_asks_to_come_back_and_the_others_answer(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, queue: int, seconds: float
) -> None:
    for name, value in (("CROWD", 1), ("QUEUE", queue), ("QUEUE_S", seconds)):
        monkeypatch.setattr(proxy, name, value)
    waiting = asyncio.create_task(client.get("/api/v1/funds/drip"))
    await asyncio.sleep(0.15)
    refused = await client.get("/api/v1/funds/plans")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert (await client.get("/api/v1/assets")).status_code == 200
    assert (await waiting).status_code == 200


async def test_a_full_service_is_waited_for_a_moment(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "CROWD", 1)
    first = asyncio.create_task(client.get("/api/v1/funds/drip"))
    await asyncio.sleep(0.15)
    second = await client.get("/api/v1/funds/plans")
    assert first.done()
    assert (second.status_code, (await first).status_code) == (200, 200)


@pytest.mark.parametrize("leg", ["direct", "tcp"])
async def test_a_service_that_is_down_is_named_and_the_others_answer(leg: str) -> None:
    services = create_echo_services()
    del services["projects"]
    async with open_gateway_client(
        services, leg, also={"projects": "http://127.0.0.1:9"} if leg == "tcp" else {}
    ) as client:
        answer = await client.get("/api/v1/projects")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert "项目库" in answer.json()["detail"]
        assert (await client.get("/api/v1/funds/plans")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["项目库"])


@pytest.mark.parametrize("leg", ["direct", "tcp"])
async def test_sixty_four_aborted_uploads_leave_nothing_behind(leg: str) -> None:
    services = create_echo_services()

    async def half() -> AsyncGenerator[bytes]:
        yield b"x" * 10_000
        raise ConnectionError

    async with open_gateway_client(services, leg) as client:

        async def abort() -> None:
            with pytest.raises((httpx.HTTPError, ConnectionError)):
                await client.post(
                    "/api/v1/projects/files", content=half(), headers={"Content-Length": "1000000"}
                )

        await asyncio.gather(*(abort() for _ in range(64)))
        answer = await asyncio.wait_for(client.get("/api/v1/projects"), 5)
        assert answer.status_code == 200
        for _ in range(50):
            if not services["projects"].active_requests:
                break
            await asyncio.sleep(0.1)
        assert services["projects"].active_requests == 0
