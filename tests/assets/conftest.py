"""Fixtures of the assets tests."""

from collections.abc import Callable

import pytest

from tests.assets.factories_assets import AssetScenario
from tests.clients import ServiceUnderTest, SystemUnderTest


@pytest.fixture
def scenario(doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest]) -> AssetScenario:
    return AssetScenario(doors, door("assets"))
