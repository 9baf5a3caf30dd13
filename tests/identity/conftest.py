"""Clients of the identity service."""

import httpx
import pytest

from tests.clients import SystemUnderTest
from tests.identity.factories_identity import DISTRICT


@pytest.fixture
def anyone(doors: SystemUnderTest) -> httpx.AsyncClient:
    """A client without sign-in."""
    return doors.service("identity").anonymous_client()


@pytest.fixture
def admin(doors: SystemUnderTest) -> httpx.AsyncClient:
    """The district's administrator."""
    return doors.service("identity").client_as("admin", DISTRICT, person="keeper")
