"""Assets as they stand in the story, and the people who move them."""

from collections.abc import Callable

import pytest

from tests.assets.world import World
from tests.doors import Door, Doors


@pytest.fixture
def world(doors: Doors, door: Callable[[str], Door]) -> World:
    return World(doors, door("assets"))
