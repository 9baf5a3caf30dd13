"""fsck of a whole installation, as `make fsck` runs it: every service, then services with each other."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from operations.fsck import check_databases, describe_reports, list_services
from shared.db import Database, execute_core
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.funds.test_project_integration import create_approved_plan, issue_plan
from tests.projects.factories_projects import ProjectScenario


@pytest.fixture
async def allocated(
    door: Callable[[str], ServiceUnderTest], doors: SystemUnderTest, clock: Clock
) -> dict[str, str]:
    """Every service's database, after a plan was issued and its events were delivered."""
    real, steps = FundsScenario(door("funds"), FakeProjectLibrary()), ProjectScenario(doors, clock)
    project = await steps.create_in_reserve()
    await issue_plan(real, steps, await create_approved_plan(real, steps, project))
    return {name: doors.apps[name].state.context.database.ensure_copy() for name in list_services()}


async def test_every_service_follows_from_its_log_and_agrees_with_the_others(
    allocated: dict[str, str],
) -> None:
    lines, sound = describe_reports(await check_databases(allocated))

    assert sound, lines
    assert [line.split(":")[0] for line in lines] == [*allocated, "各服务之间"]


async def test_what_the_library_holds_otherwise_than_the_ledger_is_told(allocated: dict[str, str]) -> None:
    database = Database(allocated["projects"])
    async with database.write() as session:
        await execute_core(session, sa.text("UPDATE project SET allocated = 1 WHERE allocated > 0"))
    await database.close()

    lines, sound = describe_reports(await check_databases(allocated))

    assert not sound
    assert lines[-1].endswith("已下达: funds 1000000.00 元, projects 0.01 元")
