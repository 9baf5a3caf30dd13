"""The two doors, open."""

from collections.abc import AsyncGenerator

import pytest

from tests.gateway.echo_services import (
    DOOR_KINDS,
    EchoService,
    OpenDoor,
    create_echo_services,
    open_door,
)


@pytest.fixture
def echo_services() -> dict[str, EchoService]:
    return create_echo_services()


@pytest.fixture(params=DOOR_KINDS)
async def opened(
    request: pytest.FixtureRequest, echo_services: dict[str, EchoService]
) -> AsyncGenerator[OpenDoor]:
    """Each door in turn, with deadlines of about a second."""
    async with open_door(request.param, echo_services) as found:
        yield found
