"""A finance bureau's desk: the funds service, and a library of projects beside it."""

from collections.abc import Callable, Iterator

import pytest

from shared.wire import Wire
from tests.doors import Door
from tests.funds.desk import Desk
from tests.funds.library import Library


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
