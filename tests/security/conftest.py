"""Both doors before the real services."""

from collections.abc import AsyncGenerator

import pytest

from embedded.door import DoorTiming
from tests.clients import SystemUnderTest
from tests.gateway.echo_services import DOOR_KINDS, SERVICE_NAMES, OpenDoor, open_door


@pytest.fixture(params=DOOR_KINDS)
async def door_to_all(request: pytest.FixtureRequest, doors: SystemUnderTest) -> AsyncGenerator[OpenDoor]:
    """One process, then Caddy, before all services with a database of this test."""
    services = {name: doors.apps[name] for name in SERVICE_NAMES}
    async with open_door(request.param, services, timing=DoorTiming()) as found:  # type: ignore[arg-type]
        yield found
