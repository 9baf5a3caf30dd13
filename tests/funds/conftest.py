"""A finance bureau's desk: the funds service, and a library of projects beside it."""

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
    """The project library funds asks in this test."""
    context, found = door("funds").context, FakeProjectLibrary()
    usual = context.clients
    context.clients = ServiceClients(context.settings, {**usual.apps, "projects": found.app})
    yield found
    context.clients = usual


@pytest.fixture
def desk(door: Callable[[str], ServiceUnderTest], library: FakeProjectLibrary) -> FundsScenario:
    """Everybody who works with money, each signed in."""
    return FundsScenario(door("funds"), library)


@pytest.fixture
async def finance(desk: FundsScenario) -> AsyncGenerator[FakeFinanceSystem]:
    context = desk.door.context
    before = context.settings
    context.settings = before.model_copy(update={"webhook_http": True, "webhook_networks": ("127.0.0.0/8",)})
    async with run_webhook_receiver() as stranger:
        found = FakeFinanceSystem(desk.door.client_as("machine", kind="machine"), stranger)
        stranger.answer = found.receive_event
        yield found
    context.settings = before
