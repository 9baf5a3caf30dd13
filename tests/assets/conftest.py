"""Assets as they stand in the story, and the people who move them."""

from collections.abc import Callable

import pytest

from tests.assets.factories_assets import AssetScenario
from tests.clients import ServiceUnderTest, SystemUnderTest


@pytest.fixture
def world(doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest]) -> AssetScenario:
    return AssetScenario(doors, door("assets"))
