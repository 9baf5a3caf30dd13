"""The attendance service and the people at its door."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

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
