"""Limits of body and rate, on every route there is."""

import re
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.gateway import rate_limiter
from services.gateway.client_identity import Caller
from services.gateway.main import create_app
from services.gateway.proxy import CEILING
from services.gateway.rate_limiter import DEFAULT_RATES
from services.gateway.system.service import merge_documents
from shared.auth import issue_service_token
from shared.settings import Settings
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.gateway.echo_services import create_echo_services, create_gateway

TWO_PER_MINUTE_RATES = dict.fromkeys(DEFAULT_RATES, "2/minute")
METHODS = ("get", "post", "put", "patch", "delete")


def list_routes(apps: dict[str, FastAPI]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, address with parameters filled in, and description of everything the gateway shows."""
    documents = {name: app.openapi() for name, app in apps.items() if name != "gateway"}
    whole = merge_documents(apps["gateway"].openapi(), documents, [])
    return [
        (method.upper(), re.sub(r"\{[^}]+\}", "0", path), operation)
        for path, item in whole["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def create_client(app: FastAPI, address: str = "203.0.113.7", **given: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test", **given)


@pytest.fixture
def minutes() -> Clock:
    found = Clock()
    found.set(datetime(2026, 1, 5, 1, tzinfo=UTC))
    return found


@pytest.fixture
def strict(minutes: Clock) -> Callable[..., httpx.AsyncClient]:
    """Clients from any address of a gateway that lets everybody knock twice a minute."""
    app = create_gateway(
        create_echo_services(), now=minutes.now, rates=TWO_PER_MINUTE_RATES, trusted_proxies=("10.0.0.0/8",)
    )
    return lambda address="203.0.113.7", **given: create_client(app, address, **given)


async def test_every_route_refuses_who_knocks_too_often(doors: SystemUnderTest, minutes: Clock) -> None:
    app = create_gateway(create_echo_services(), now=minutes.now, rates=TWO_PER_MINUTE_RATES)
    found = list_routes(doors.apps)
    assert len(found) > 60
    async with create_client(app) as client:
        for method, path, _ in found:
            minutes.advance(timedelta(minutes=2))
            answers = [await client.request(method, path) for _ in range(3)]
            assert [one.status_code == 429 for one in answers] == [False, False, True], (method, path)
            assert 0 < int(answers[2].headers["retry-after"]) <= 61
            assert answers[2].headers["content-type"] == "application/problem+json"
            assert "请求过于频繁" in answers[2].json()["detail"]


async def test_every_route_refuses_a_body_over_its_limit(doors: SystemUnderTest) -> None:
    client = doors.service("gateway").client_as("bureau")
    bodies = [one for one in list_routes(doors.apps) if "requestBody" in one[2] or one[1].endswith("/files")]
    assert len(bodies) > 15
    for method, path, operation in bodies:
        over = {"Content-Length": str(operation["x-body-limit"] + 1)}
        answer = await client.request(method, f"http://test{path}?name=x.jpg", headers=over)
        assert answer.status_code == 413, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", (method, path)


async def test_every_route_has_a_declared_limit(doors: SystemUnderTest) -> None:
    for method, path, operation in list_routes(doors.apps):
        assert 0 < operation["x-body-limit"] <= CEILING, (method, path)


async def test_a_body_without_announced_length_is_cut_at_the_limit(doors: SystemUnderTest) -> None:
    client = doors.service("gateway").client_as("finance")
    sent = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 60_000
            yield b" " * 60_000

    answer = await client.post("/funds/sources", content=endless())
    assert answer.status_code == 413
    assert sent < 400_000


async def test_the_window_ends_when_retry_after_says(
    strict: Callable[..., httpx.AsyncClient], minutes: Clock
) -> None:
    client = strict()
    for _ in range(2):
        await client.get("/api/v1/funds/plans")
    refused = await client.get("/api/v1/funds/plans")
    minutes.advance(timedelta(seconds=int(refused.headers["retry-after"])))
    assert (await client.get("/api/v1/funds/plans")).status_code == 200


async def test_addresses_are_counted_apart_and_cannot_be_made_up(
    strict: Callable[..., httpx.AsyncClient],
) -> None:
    first = strict("203.0.113.7")
    for number in range(3):
        answer = await first.get("/api/v1/funds/plans", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert answer.status_code == 429
    assert (await strict("203.0.113.8").get("/api/v1/funds/plans")).status_code == 200


async def test_a_trusted_proxy_is_believed_about_the_last_address_before_it(
    strict: Callable[..., httpx.AsyncClient],
) -> None:
    behind = strict("10.0.0.2")
    for number in range(3):
        chain = {"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.1, 10.0.0.9"}
        answer = await behind.get("/api/v1/funds/plans", headers=chain)
    assert answer.status_code == 429
    other = await behind.get("/api/v1/funds/plans", headers={"X-Forwarded-For": "198.51.100.2"})
    assert other.status_code == 200


@pytest.mark.parametrize("field", ["username", "client_id"])
async def test_guessing_one_account_from_many_addresses_is_slowed(
    strict: Callable[..., httpx.AsyncClient], field: str
) -> None:
    tries = [
        await strict(f"203.0.113.{number}").post("/api/v1/auth/token", data={field: "finance"})
        for number in range(3)
    ]
    assert [one.status_code for one in tries] == [200, 200, 429]
    assert tries[0].json()["size"] == len(f"{field}=finance"), "the service still gets the whole form"
    other = await strict("203.0.113.99").post("/api/v1/auth/token", data={field: "leader"})
    assert other.status_code == 200


async def test_guessing_many_accounts_from_one_address_is_slowed(
    strict: Callable[..., httpx.AsyncClient],
) -> None:
    tries = [
        await strict().post("/api/v1/auth/token", data={"username": f"person{number}"}) for number in range(3)
    ]
    assert [one.status_code for one in tries] == [200, 200, 429]


async def test_basic_credentials_count_as_their_account(strict: Callable[..., httpx.AsyncClient]) -> None:
    tries = [
        await strict(f"203.0.113.{number}").post(
            "/api/v1/auth/token",
            data={"grant_type": "client_credentials"},
            auth=("finance-bureau", str(number)),
        )
        for number in range(3)
    ]
    assert tries[2].status_code == 429


async def test_people_are_counted_by_name_not_by_address(doors: SystemUnderTest, clock: Clock) -> None:
    app = create_gateway(doors.apps, now=clock.now, rates=TWO_PER_MINUTE_RATES | {"address": "1/minute"})
    app.state.context.settings = doors.apps["funds"].state.context.settings
    doors.key.add_to_verifier(app.state.context)
    app.state.context.verifier.settings = app.state.context.settings
    doors.apps = {**doors.apps, "gateway": app}
    finance, leader = (
        doors.service("gateway").client_as("finance"),
        doors.service("gateway").client_as("leader"),
    )
    assert [(await finance.get("/funds/plans")).status_code for _ in range(3)] == [200, 200, 429]
    assert (await leader.get("/funds/plans")).status_code == 200


async def test_tokens_of_services_do_not_open_the_door(doors: SystemUnderTest) -> None:
    context = doors.apps["projects" if "projects" in doors.apps else "funds"].state.context
    token = issue_service_token(context.settings, "projects", context.service_actor(), context.clock())
    answer = (
        await doors.service("gateway")
        .anonymous_client()
        .get("/funds/plans", headers={"Authorization": f"Bearer {token}"})
    )
    assert answer.status_code == 401
    assert "内部" in answer.json()["detail"]


async def test_large_tables_have_a_limit_of_their_own(minutes: Clock) -> None:
    app = create_gateway(create_echo_services(), now=minutes.now, rates={"heavy": "1/minute"})
    async with create_client(app) as client:
        assert (await client.get("/api/v1/projects/export")).status_code == 200
        assert (await client.get("/api/v1/projects/export")).status_code == 429
        assert (await client.get("/api/v1/projects")).status_code == 200


async def test_counters_of_passed_minutes_are_swept(minutes: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "SWEEP_THRESHOLD", 10)
    found = rate_limiter.RateLimiter({}, minutes.now)
    for number in range(200):
        minutes.advance(timedelta(seconds=30))
        found.count_request(Caller("address", str(number)), "GET", "/")
    assert len(found.storage.windows) <= 12


async def test_a_gateway_without_the_service_key_refuses_service_tokens_all_the_same(
    doors: SystemUnderTest,
) -> None:
    keyless = Settings(service="gateway", var=Path("/nonexistent"))
    app = create_app(keyless, apps=create_echo_services())
    context = doors.apps["funds"].state.context
    token = issue_service_token(context.settings, "funds", context.service_actor(), context.clock())
    async with create_client(app) as client:
        answer = await client.get("/api/v1/funds/plans", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_when_a_nation_knocks_at_once_looking_through_the_windows_stays_rare(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(rate_limiter, "SWEEP_THRESHOLD", 10)
    counters = rate_limiter.MemoryStorage(clock.now)
    looks, kept = 0, counters.windows
    for person in range(1_000):
        counters.incr(str(person), 60)
        looks, kept = looks + (counters.windows is not kept), counters.windows
    assert looks < 10
    assert len(kept) == 1_000
