"""A receiver, a courier and a machine client; our own machine counts as the closed finance network."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from shared.webhooks.courier import Courier
from tests.doors import Doors
from tests.receiver import Stranger, a_stranger


@pytest.fixture
async def stranger() -> AsyncGenerator[Stranger]:
    async with a_stranger() as found:
        yield found


@pytest.fixture
def courier(doors: Doors) -> Courier:
    return Courier(doors.of("funds").context)


@pytest.fixture(autouse=True)
def _closed_network(doors: Doors) -> Any:
    context = doors.of("funds").context
    before = context.settings
    context.settings = before.model_copy(
        update={"webhook_http": True, "webhook_networks": ("127.0.0.0/8",), "webhook_timeout": 1.5}
    )
    yield
    context.settings = before


@pytest.fixture
def machine(doors: Doors) -> httpx.AsyncClient:
    return doors.of("funds").as_("machine", kind="machine")
