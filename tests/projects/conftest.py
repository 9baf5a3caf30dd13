"""The steps of a project's life, as a fixture."""

import pytest

from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario


@pytest.fixture
def steps(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)
