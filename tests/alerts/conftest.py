"""The case of each service."""

import pytest

from tests.alerts.cases import BUILDERS, AlertCase
from tests.clients import SystemUnderTest
from tests.conftest import Clock


@pytest.fixture(params=list(BUILDERS))
async def case(request: pytest.FixtureRequest, doors: SystemUnderTest, clock: Clock) -> AlertCase:
    """The case of one service."""
    return await BUILDERS[request.param](doors, clock)
