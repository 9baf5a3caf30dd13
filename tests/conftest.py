"""What every test may ask for: a clock it sets, a database of its own, doors into the services as any role."""

import os
import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from embedded.secrets import kept
from embedded.system import System
from services.gateway.rates import RATES
from shared.db import Database, async_url, lane
from shared.migrate import has_database, upgrade
from shared.settings import Settings
from shared.watch import speak
from shared.work import Context
from tests import postgres
from tests.doors import Doors, TestKey

SQLITE = os.environ.get("DATABASE", "sqlite") == "sqlite"
UNLIMITED = dict.fromkeys(RATES, "1000000/second")
"""Tests knock as often as they like; the limits have tests of their own."""
MORNING = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
"""Monday 09:00 in Beijing, when a test does not say otherwise."""


ONCE = (
    "tests/architecture/test_docs.py",
    "tests/architecture/test_house_rules.py",
    "tests/architecture/test_islands.py",
    "tests/architecture/test_routes.py",
    "tests/architecture/test_topics.py",
    "tests/gateway/test_deploy.py",
    "tests/gateway/test_new_service.py",
    "tests/gateway/test_processes.py",
    "tests/gateway/test_rates.py",
    "tests/gateway/test_start.py",
    "tests/journeys/test_tours.py",
    "tests/shared/test_fences.py",
    "tests/shared/test_identifiers.py",
    "tests/shared/test_ids.py",
    "tests/shared/test_money.py",
    "tests/shared/test_personal.py",
    "tests/shared/test_places.py",
    "tests/shared/test_sheets.py",
    "tests/shared/test_sheets_attacked.py",
    "tests/shared/test_sheets_cells.py",
    "tests/shared/test_workdays.py",
)
"""What asks no database, or only the one-process run's own, runs with SQLite and is not repeated on PostgreSQL."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out on PostgreSQL what does not depend on the database, unless it was asked for by name."""
    named = any(str(collection_path).endswith(one.split("::")[0]) for one in config.args)
    return True if not SQLITE and not named and str(collection_path).endswith(ONCE) else None


def pytest_configure(config: pytest.Config) -> None:
    """Every process that runs tests has a database server of its own: neighbours' transactions would delay its feed."""
    hands_out = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if not SQLITE and not hands_out:
        config.add_cleanup(postgres.start())


class Clock:
    """The time, as the test sets it."""

    def __init__(self) -> None:
        self.time = MORNING

    def now(self) -> datetime:
        """The present instant of the test."""
        return self.time

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.time += by

    def set(self, to: datetime) -> None:
        """Go to an instant."""
        self.time = to


class OnDemand(Database):
    """A service's engines for all tests, so that a statement is compiled once; each test that connects has its own copy."""

    def __init__(self, template: str, clone: Callable[[], str]) -> None:
        super().__init__(template)
        self._clone = clone
        self.url = ""
        for engine in {self.writer.sync_engine, self.reader.sync_engine}:
            event.listen(engine, "do_connect", self._direct)

    def _direct(self, dialect: Any, _record: object, to: list[Any], given: dict[str, Any]) -> None:
        arguments, named = dialect.create_connect_args(async_url(self.here()))
        to[:] = arguments
        given.update(named)

    def here(self) -> str:
        """Where this test's copy is; made when first asked for."""
        if not self.url:
            self.url = self._clone()
            if self.dialect == "postgresql":
                self._lane = lane(async_url(self.url))
        return self.url

    async def at_once(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        self.here()
        return await super().at_once(statement, values)

    async def renew(self) -> str:
        """Let this test's copy go; where it was, if it was made."""
        await self.close()
        url, self.url = self.url, ""
        return url


class Templates:
    """One migrated and started database per service, copied for each test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = uuid4().hex[:10]
        self._kept: set[str] = set()
        self._lent: dict[str, str] = {}
        self._free: dict[str, list[str]] = defaultdict(list)

    def url(self, service: str) -> str:
        """Where the template of a service is; made by migrations."""
        if SQLITE:
            return f"sqlite:///{self.folder / service}.template.db"
        name = f"t_{self.run}_{service}"
        postgres.create_database(name)
        return f"{postgres.server_url()}/{name}"

    def empty(self) -> str:
        """A database without tables."""
        copy = uuid4().hex[:12]
        if SQLITE:
            return f"sqlite:///{self.folder / copy}.db"
        postgres.create_database(f"c_{copy}")
        return f"{postgres.server_url()}/c_{copy}"

    def clone(self, service: str) -> str:
        """A fresh copy, on PostgreSQL one that was given back if there is one."""
        copy = uuid4().hex[:12]
        if SQLITE:
            target = self.folder / f"{service}.{copy}.db"
            shutil.copyfile(self.folder / f"{service}.template.db", target)
            return f"sqlite:///{target}"
        name = self._free[service].pop() if self._free[service] else f"c_{copy}"
        if name not in self._lent:
            self._copy(service, name)
        return f"{postgres.server_url()}/{name}"

    def _copy(self, service: str, name: str) -> None:
        template = f"t_{self.run}_{service}"
        if service not in self._kept:
            postgres.keep(template)
            self._kept.add(service)
        postgres.create_database(name, template=template)
        self._lent[name] = service

    def drop(self, url: str) -> None:
        """A copy is no longer needed."""
        if SQLITE:
            for path in self.folder.glob(Path(url.removeprefix("sqlite:///")).name + "*"):
                path.unlink()
            return
        name = url.rsplit("/", 1)[1]
        if service := self._lent.get(name):
            postgres.renew(name)
            self._free[service].append(name)
        else:
            postgres.drop_database(name)


def settings_of(service: str, var: Path, url: str, secrets: dict[str, Any]) -> Settings:
    """Settings of a service under test: embedded, nothing running in the background."""
    return Settings.of(
        service, embedded=True, var=var, database_url=url, relay=False, rates=UNLIMITED, **secrets
    )


@pytest.fixture(scope="session")
def _clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(_clock: Clock) -> Iterator[Clock]:
    """The clock of all services, at `MORNING`."""
    _clock.set(MORNING)
    yield _clock
    _clock.set(MORNING)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Where databases of tests come from."""
    return Templates(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def test_key() -> TestKey:
    """A key whose tokens the services under test accept beside identity's own."""
    return TestKey()


@pytest.fixture(scope="session")
def _built(templates: Templates, _clock: Clock, test_key: TestKey) -> dict[str, FastAPI]:
    import asyncio

    speak("CRITICAL")
    var = templates.folder / "var"
    var.mkdir()
    secrets = kept(var)
    urls = {}

    def settings(service: str) -> Settings:
        urls[service] = templates.url(service) if has_database(service) else "sqlite://"
        if has_database(service):
            upgrade(service, urls[service])
        return settings_of(service, var, urls[service], secrets)

    system = System(settings, now=_clock.now)

    async def start() -> None:
        async with system.running():
            for app in system.apps.values():
                test_key.join(app.state.context)
        for name, app in system.apps.items():
            context: Context = app.state.context
            context.database = OnDemand(urls[name], partial(templates.clone, name))

    asyncio.run(start())
    return system.apps


@pytest.fixture
async def doors(
    _built: dict[str, FastAPI], templates: Templates, clock: Clock, test_key: TestKey
) -> AsyncGenerator[Doors]:
    """All services, each with a database of this test."""
    for app in _built.values():
        context: Context = app.state.context
        context.rules.forget()
        context.kept.clear()
    found = Doors(_built, clock.now, test_key)
    yield found
    await found.close()
    for app in _built.values():
        if url := await app.state.context.database.renew():
            templates.drop(url)


@pytest.fixture
def door(doors: Doors) -> Callable[[str], Any]:
    """`door("projects").as_("town_officer", "620602100000")` is a client of that service with that role."""
    return doors.of
