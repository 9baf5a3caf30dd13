"""A finance bureau's desk: the funds service, and a library of projects beside it."""

from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from shared.wire import Wire
from tests.doors import Door
from tests.funds.desk import Desk
from tests.funds.finance_system import FinanceSystem
from tests.funds.library import Library
from tests.receiver import a_stranger


@pytest.fixture
def library(door: Callable[[str], Door]) -> Iterator[Library]:
    """The project library funds asks in this test."""
    context, found = door("funds").context, Library()
    usual = context.wire
    context.wire = Wire(context.settings, {**usual.apps, "projects": found.app})
    yield found
    context.wire = usual


@pytest.fixture
def desk(door: Callable[[str], Door], library: Library) -> Desk:
    """Everybody who works with money, each signed in."""
    return Desk(door("funds"), library)


@pytest.fixture
async def finance(desk: Desk) -> AsyncGenerator[FinanceSystem]:
    context = desk.door.context
    before = context.settings
    context.settings = before.model_copy(update={"webhook_http": True, "webhook_networks": ("127.0.0.0/8",)})
    async with a_stranger() as stranger:
        found = FinanceSystem(desk.door.as_("machine", kind="machine"), stranger)
        stranger.answer = found.listen
        yield found
    context.settings = before
