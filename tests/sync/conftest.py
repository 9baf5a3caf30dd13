"""Fixtures: the sync service, a cadre with a post, and how a phone writes items."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.attendance.factories_attendance import create_post
from tests.clients import ServiceUnderTest


@pytest.fixture
def sync(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    return door("sync")


@pytest.fixture
def attendance(door: Callable[[str], ServiceUnderTest]) -> ServiceUnderTest:
    return door("attendance")


@pytest.fixture
def phone(sync: ServiceUnderTest) -> httpx.AsyncClient:
    """The phone of the cadre li."""
    return sync.client_as("cadre", person="li")


@pytest.fixture
def cadre(attendance: ServiceUnderTest) -> httpx.AsyncClient:
    """The same cadre, asking attendance directly."""
    return attendance.client_as("cadre", person="li")


@pytest.fixture
async def post(attendance: ServiceUnderTest) -> Any:
    """The village hall, to which li is assigned."""
    return await create_post(attendance.client_as("town_officer"), "li")
