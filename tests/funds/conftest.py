"""Fixtures of the funds tests: the funds service with a fake project library and a fake finance system."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.clients import ServiceClients
from shared.unit_of_work import ServiceContext
from tests.clients import ServiceUnderTest
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_finance_system import FakeFinanceSystem
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.webhook_receiver import run_webhook_receiver


@contextmanager
def replace_library(context: ServiceContext, fake: FakeProjectLibrary) -> Iterator[None]:
    """Let funds meet a fake library instead of the projects service."""
    clients = context.clients
    context.clients = ServiceClients(context.settings, {**clients.apps, "projects": fake.app})
    try:
        yield
    finally:
        context.clients = clients


@pytest.fixture
def library(door: Callable[[str], ServiceUnderTest]) -> Iterator[FakeProjectLibrary]:
    """Fake project library that replaces the projects service in this test."""
    fake = FakeProjectLibrary()
    with replace_library(door("funds").context, fake):
        yield fake


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
