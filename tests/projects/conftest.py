"""The steps of a project's life, as a fixture."""

import pytest

from tests.conftest import Clock
from tests.doors import Doors
from tests.projects.steps import Steps


@pytest.fixture
def steps(doors: Doors, clock: Clock) -> Steps:
    return Steps(doors, clock)
