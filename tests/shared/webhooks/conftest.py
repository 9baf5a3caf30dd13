"""A receiver, a courier and a machine client; our own machine counts as the closed finance network."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from shared.events.webhooks.delivery import WebhookDispatcher
from tests.clients import SystemUnderTest
from tests.webhook_receiver import WebhookReceiver, run_webhook_receiver


@pytest.fixture
async def stranger() -> AsyncGenerator[WebhookReceiver]:
    async with run_webhook_receiver() as found:
        yield found


@pytest.fixture
def courier(doors: SystemUnderTest) -> WebhookDispatcher:
    return WebhookDispatcher(doors.service("funds").context)


@pytest.fixture(autouse=True)
def _closed_network(doors: SystemUnderTest) -> Any:
    context = doors.service("funds").context
    before = context.settings
    context.settings = before.model_copy(
        update={
            "webhook_http": True,
            "webhook_networks": ("127.0.0.0/8",),
            "webhook_ports": (),
            "webhook_timeout": 1.5,
        }
    )
    yield
    context.settings = before


@pytest.fixture
def machine(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("funds").client_as("finance")
