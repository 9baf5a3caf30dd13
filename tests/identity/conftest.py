"""The identity service through its door."""

import httpx
import pytest

from tests.doors import Doors
from tests.identity.people import DISTRICT


@pytest.fixture
def anyone(doors: Doors) -> httpx.AsyncClient:
    """Without login."""
    return doors.of("identity").nobody()


@pytest.fixture
def admin(doors: Doors) -> httpx.AsyncClient:
    """The district's administrator."""
    return doors.of("identity").as_("admin", DISTRICT, person="keeper")
