"""Fixtures: the attendance service, its clients and a fake of DingTalk and WeCom."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from services.attendance.imports import importer
from tests.attendance.factories_attendance import create_post
from tests.attendance.fake_channels import FakeChannelServer
from tests.clients import ServiceUnderTest


@pytest.fixture
def attendance(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    return door("attendance")


@pytest.fixture
def cadre(attendance: ServiceUnderTest) -> httpx.AsyncClient:
    return attendance.client_as("cadre", person="li")


@pytest.fixture
def town(attendance: ServiceUnderTest) -> httpx.AsyncClient:
    return attendance.client_as("town_officer")


@pytest.fixture
def admin(attendance: ServiceUnderTest) -> httpx.AsyncClient:
    return attendance.client_as("admin")


@pytest.fixture
def bureau(attendance: ServiceUnderTest) -> httpx.AsyncClient:
    return attendance.client_as("bureau")


@pytest.fixture
async def post(town: httpx.AsyncClient) -> Any:
    """The village hall, to which li is assigned."""
    return await create_post(town, "li")


@pytest.fixture
def fake(attendance: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChannelServer]:
    server, clients = FakeChannelServer(), attendance.context.clients
    monkeypatch.setattr(importer, "RETRY_PAUSE_S", 0)
    for name in ("dingtalk", "wecom"):
        monkeypatch.setitem(clients.apps, name, server.app)
        clients._clients.pop(name, None)
    yield server
    for name in ("dingtalk", "wecom"):
        clients._clients.pop(name, None)
