"""The attendance service and the people at its door."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from services.attendance.imports import client
from tests.attendance.fake_channels import Fake
from tests.attendance.world import a_post
from tests.doors import Door


@pytest.fixture
def attendance(door: Callable[[str], Door]) -> Door:
    return door("attendance")


@pytest.fixture
def cadre(attendance: Door) -> httpx.AsyncClient:
    return attendance.as_("cadre", person="li")


@pytest.fixture
def town(attendance: Door) -> httpx.AsyncClient:
    return attendance.as_("town_officer")


@pytest.fixture
def bureau(attendance: Door) -> httpx.AsyncClient:
    return attendance.as_("bureau")


@pytest.fixture
async def post(town: httpx.AsyncClient) -> Any:
    """The village hall, where li is stationed."""
    return await a_post(town, "li")


@pytest.fixture
def fake(attendance: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    made, wire = Fake(), attendance.context.wire
    monkeypatch.setattr(client, "PAUSE_S", 0)
    for name in ("dingtalk", "wecom"):
        monkeypatch.setitem(wire.apps, name, made.app)
        wire._clients.pop(name, None)
    yield made
    for name in ("dingtalk", "wecom"):
        wire._clients.pop(name, None)
