"""Fixture with the project scenario."""

import pytest

from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario


@pytest.fixture
def scenario(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)
