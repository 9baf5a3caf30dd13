"""Fixtures of the funds tests: the funds service with a fake project library and a fake finance system."""

from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from shared.clients import ServiceClients
from tests.clients import ServiceUnderTest
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_finance_system import FakeFinanceSystem
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.webhook_receiver import run_webhook_receiver


@pytest.fixture
def library(door: Callable[[str], ServiceUnderTest]) -> Iterator[FakeProjectLibrary]:
    """Fake project library that replaces the projects service in this test."""
    context, fake = door("funds").context, FakeProjectLibrary()
    clients = context.clients
    context.clients = ServiceClients(context.settings, {**clients.apps, "projects": fake.app})
    yield fake
    context.clients = clients


@pytest.fixture
def scenario(door: Callable[[str], ServiceUnderTest], library: FakeProjectLibrary) -> FundsScenario:
    """Clients of all roles of a finance bureau."""
    return FundsScenario(door("funds"), library)


@pytest.fixture
async def finance(scenario: FundsScenario) -> AsyncGenerator[FakeFinanceSystem]:
    context = scenario.door.context
    settings = context.settings
    context.settings = settings.model_copy(
        update={"webhook_http": True, "webhook_networks": ("127.0.0.0/8",), "webhook_ports": ()}
    )
    async with run_webhook_receiver() as receiver:
        fake = FakeFinanceSystem(scenario.door.client_as("machine", kind="machine"), receiver)
        receiver.answer = fake.receive_event
        yield fake
    context.settings = settings
