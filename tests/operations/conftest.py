"""An installation whose services run, and another place beside it to restore into."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from operations.installation import Installation, list_data_services
from operations.restore import drop_database
from services.funds.commitments.models import CachedProject
from shared.app.factory import STARTUP_LOCK_ID
from shared.db import Database
from shared.events import inbox
from shared.events.epoch import settle_epoch
from shared.files import Storage
from tests import postgres
from tests.clients import SystemUnderTest
from tests.conftest import SQLITE, Clock
from tests.projects.factories_projects import ProjectScenario

PASSPHRASE = "一个够长的备份口令-2026"
SECRETS = '{"data_keys": {"1": "AAAA"}}'


@dataclass
class RunningInstallation:
    """The services of a test as an installation, with steps of work in it."""

    doors: SystemUnderTest
    scenario: ProjectScenario
    installation: Installation

    async def work(self, name: str) -> str:
        """Declare a project, which assets and funds are told of; its id."""
        project = await self.scenario.create_declared(name=name)
        await self.doors.deliver_events()
        return project

    async def is_known_to_funds(self, project: str) -> bool:
        """Whether funds received the events about a project."""
        async with self.doors.apps["funds"].state.context.database.read() as session:
            return await session.get(CachedProject, UUID(project)) is not None

    async def move_to(self, installation: Installation) -> None:
        """Start the services on other databases."""
        for name, url in installation.databases.items():
            context = self.doors.apps[name].state.context
            context.database = Database(url)
            context.storage = Storage(str(installation.home / "files"))
            await context.clear_memory()
            context.rules.clear()
            async with context.database.advisory_lock(STARTUP_LOCK_ID), context.database.write() as session:
                await settle_epoch(session, context.clock())
        for name in installation.databases:
            await inbox.ask_subscribers(self.doors.apps[name].state.context)


@pytest.fixture
async def running(
    doors: SystemUnderTest, clock: Clock, tmp_path: Path
) -> AsyncGenerator[RunningInstallation]:
    """All services at work, their databases where a backup finds them."""
    contexts = {name: doors.apps[name].state.context for name in list_data_services()}
    original = {name: (context.database, context.storage) for name, context in contexts.items()}
    home = tmp_path / "var"
    home.mkdir()
    (home / "secrets.json").write_text(SECRETS)
    (home / "files").symlink_to(contexts["projects"].settings.var / "files")
    urls = {name: database.ensure_copy() for name, (database, _) in original.items()}
    found = RunningInstallation(doors, ProjectScenario(doors, clock), Installation(home, urls))
    await found.work("第一个项目")
    yield found
    for name, context in contexts.items():
        if context.database is not original[name][0]:
            await context.database.close()
            context.database, context.storage = original[name]


@pytest.fixture(scope="session")
def other_server() -> Iterator[str]:
    """Address of a PostgreSQL server other than the one of the tests; empty on SQLite."""
    if SQLITE:
        yield ""
        return
    url, stop = postgres.launch_server()
    yield url
    stop()


@pytest.fixture
def empty_place(tmp_path: Path, other_server: str) -> Iterator[Installation]:
    """An empty installation, on PostgreSQL on another server."""
    home = tmp_path / "restored"
    prefix = f"r{uuid4().hex[:6]}"
    urls = {
        name: f"{other_server}/{prefix}_{name}" if other_server else f"sqlite:///{home / name}.db"
        for name in list_data_services()
    }
    yield Installation(home, urls)
    if other_server:
        for url in urls.values():
            drop_database(url)
