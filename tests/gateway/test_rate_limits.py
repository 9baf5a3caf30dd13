"""Limits of body and rate, on every route there is; who is counted how is in test_admission.py."""

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from services.gateway.system.service import merge_documents
from shared.http import rate_limits
from shared.http.callers import Caller
from shared.http.door_rules import MAX_LARGE_BODY_BYTES
from tests.clients import SystemUnderTest
from tests.conftest import Clock

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


@pytest.fixture
def minutes() -> Clock:
    found = Clock()
    found.set(datetime(2026, 1, 5, 1, tzinfo=UTC))
    return found


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
        assert 0 < operation["x-body-limit"] <= MAX_LARGE_BODY_BYTES, (method, path)


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


async def test_counters_of_passed_minutes_are_swept(minutes: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "SWEEP_THRESHOLD", 10)
    found = rate_limits.RateLimiter({}, minutes.now)
    for number in range(200):
        minutes.advance(timedelta(seconds=30))
        found.count_request(Caller("address", str(number)), "GET", "/")
    assert len(found.storage.windows) <= 12


def test_when_a_nation_knocks_at_once_looking_through_the_windows_stays_rare(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(rate_limits, "SWEEP_THRESHOLD", 10)
    counters = rate_limits.MemoryStorage(clock.now)
    looks, kept = 0, counters.windows
    for person in range(1_000):
        counters.incr(str(person), 60)
        looks, kept = looks + (counters.windows is not kept), counters.windows
    assert looks < 10
    assert len(kept) == 1_000
