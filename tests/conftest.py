"""What every test may ask for: a clock it sets, a database of its own, doors into the services as any role."""

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event

from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import System, list_services
from shared.app import configure_logging
from shared.db import Database, async_url, execute_core, log_epoch
from shared.db.migrate import has_database, upgrade_database
from shared.events.fsck import Difference, check_service
from shared.http.rate_limits import DEFAULT_RATES
from shared.settings import Settings
from shared.unit_of_work import ServiceContext
from tests import postgres
from tests.clients import SystemUnderTest, TestKey
from tests.statement_ledger import StatementLedger, StatementLedgerMiddleware

SQLITE = os.environ.get("DATABASE", "sqlite") == "sqlite"
UNLIMITED_RATES = dict.fromkeys(DEFAULT_RATES, "1000000/second")
"""Tests knock as often as they like; the limits have tests of their own."""
MORNING = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
"""Monday 09:00 in Beijing, when a test does not say otherwise."""


DATABASE_INDEPENDENT_TESTS = (
    "tests/access/test_access_matrix.py",
    "tests/access/test_permission_table.py",
    "tests/api/test_generated_clients.py",
    "tests/api/test_hostile_requests.py",
    "tests/api/test_never_stored.py",
    "tests/api/test_openapi_documents.py",
    "tests/api/test_sequences.py",
    "tests/api/test_value_forms.py",
    "tests/architecture/test_libraries.py",
    "tests/architecture/test_light_start.py",
    "tests/architecture/test_lint_rules.py",
    "tests/architecture/test_pages_are_drawn.py",
    "tests/architecture/test_reference_docs.py",
    "tests/architecture/test_routes.py",
    "tests/architecture/test_rules.py",
    "tests/architecture/test_security_tables.py",
    "tests/architecture/test_service_isolation.py",
    "tests/architecture/test_topics.py",
    "tests/assets/test_asset_lifecycle.py",
    "tests/assets/test_lifecycle_tables.py",
    "tests/attendance/test_anomalies.py",
    "tests/attendance/test_day_rules.py",
    "tests/attendance/test_legal_moves.py",
    "tests/funds/test_legal_moves.py",
    "tests/gateway/test_admission.py",
    "tests/gateway/test_deployment_files.py",
    "tests/gateway/test_door_answers.py",
    "tests/gateway/test_door_framing.py",
    "tests/gateway/test_door_limits.py",
    "tests/gateway/test_door_replicas.py",
    "tests/gateway/test_door_requests.py",
    "tests/gateway/test_lan.py",
    "tests/gateway/test_new_service.py",
    "tests/gateway/test_openapi.py",
    "tests/gateway/test_pages.py",
    "tests/gateway/test_rate_limits.py",
    "tests/gateway/test_run.py",
    "tests/gateway/test_run_services.py",
    "tests/journeys/test_changes.py",
    "tests/journeys/test_tours.py",
    "tests/projects/screening/test_duplicates.py",
    "tests/projects/screening/test_office_cases.py",
    "tests/projects/screening/test_rule_sets.py",
    "tests/projects/screening/test_screening_quality.py",
    "tests/projects/screening/test_sentences.py",
    "tests/projects/screening/test_text_variants.py",
    "tests/projects/screening/test_word_context.py",
    "tests/projects/test_legal_moves.py",
    "tests/projects/test_lifecycle.py",
    "tests/projects/test_published_tables.py",
    "tests/records/test_dead_ends.py",
    "tests/records/test_list_plans.py",
    "tests/records/test_kinds.py",
    "tests/security/test_personal_columns.py",
    "tests/shared/test_coordinates.py",
    "tests/shared/test_county_tables.py",
    "tests/shared/test_event_json.py",
    "tests/shared/test_field_encryption.py",
    "tests/shared/test_file_storage.py",
    "tests/shared/test_geofences.py",
    "tests/shared/test_hostile_spreadsheets.py",
    "tests/shared/test_mergers.py",
    "tests/shared/test_money.py",
    "tests/shared/test_national_ids.py",
    "tests/shared/test_papers.py",
    "tests/shared/test_periods.py",
    "tests/shared/test_place_names.py",
    "tests/shared/test_pool_exhaustion.py",
    "tests/shared/test_sandbox.py",
    "tests/shared/test_spreadsheet_cells.py",
    "tests/shared/test_spreadsheets.py",
    "tests/shared/test_ssrf_guard.py",
    "tests/shared/test_uuid7.py",
    "tests/shared/test_workdays.py",
    "tests/trust/test_simulated_commitments.py",
    "tests/trust/test_simulated_refresh.py",
    "tests/trust/test_simulated_relay.py",
    "tests/trust/test_witness.py",
)
"""What asks no database, or only the one-process run's own, runs with SQLite and is not repeated on PostgreSQL."""


PRODUCTION_TESTS = (
    "tests/access/test_statement_budgets.py",
    "tests/api/test_fuzzing.py",
    "tests/gateway/test_tcp_deployment.py",
    "tests/journeys/test_statement_budgets.py",
)
"""What asks how a run over TCP behaves (statements of a request, any input, its start) runs on PostgreSQL alone."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what the other database's run shows, unless it was asked for by name."""
    named = any(str(collection_path).endswith(one.split("::")[0]) for one in config.args)
    left_out = PRODUCTION_TESTS if SQLITE else DATABASE_INDEPENDENT_TESTS
    return True if not named and str(collection_path).endswith(left_out) else None


TESTS_OF_PROCESSES = (
    "tests/gateway/test_new_service.py",
    "tests/gateway/test_run",
    "tests/gateway/test_tcp_deployment.py",
    "tests/gateway/test_lan.py",
    "tests/journeys/test_changes.py",
    "tests/journeys/test_story.py",
    "tests/journeys/test_tours.py",
    "tests/operations/",
    "tests/security/",
)
"""Tests that start processes and wait for them. They come first: the other workers use the time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first, otherwise in the order of the files."""
    items.sort(key=lambda item: not item.nodeid.startswith(TESTS_OF_PROCESSES))


def pytest_configure(config: pytest.Config) -> None:
    """Every process that runs tests has a database server of its own: neighbours' transactions would delay its feed."""
    hands_out = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if not SQLITE and not hands_out:
        config.add_cleanup(postgres.start_server())


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


def write_without_waiting(connection: Any, _record: object) -> None:
    """A database of a test need not survive a power cut: nothing waits for the disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


class LazyCopyDatabase(Database):
    """A service's engines for all tests, so that a statement is compiled once; each test that connects has its own copy."""

    def __init__(self, template: str, clone: Callable[[], str]) -> None:
        super().__init__(template)
        self._clone = clone
        self.url = ""
        for engine in {self.writer.sync_engine, self.reader.sync_engine}:
            event.listen(engine, "do_connect", self._connect_to_copy)
        if SQLITE:
            event.listen(self.writer.sync_engine, "connect", write_without_waiting)

    def _connect_to_copy(self, dialect: Any, _record: object, to: list[Any], given: dict[str, Any]) -> None:
        arguments, named = dialect.create_connect_args(async_url(self.ensure_copy()))
        to[:] = arguments
        given.update(named)

    def ensure_copy(self) -> str:
        """Where this test's copy is; made when first asked for."""
        if not self.url:
            self.url = self._clone()
        return self.url

    def connection_arguments(self) -> dict[str, Any]:
        self._url = async_url(self.ensure_copy())
        return super().connection_arguments()

    async def detach_copy(self) -> str:
        """Let this test's copy go; where it was, if it was made."""
        await self.close()
        url, self.url = self.url, ""
        return url


class DatabaseTemplates:
    """One migrated and started database per service, copied for each test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_id = uuid4().hex[:10]
        self._services_with_snapshot: set[str] = set()
        self._service_by_copy: dict[str, str] = {}
        self._free_copies: dict[str, list[str]] = defaultdict(list)

    def create_template(self, service: str) -> str:
        """Where the template of a service is; made by migrations."""
        if SQLITE:
            return f"sqlite:///{self.folder / service}.template.db"
        name = f"t_{self.run_id}_{service}"
        postgres.create_database(name)
        return f"{postgres.get_server_url()}/{name}"

    def create_empty(self) -> str:
        """A database without tables."""
        copy = uuid4().hex[:12]
        if SQLITE:
            return f"sqlite:///{self.folder / copy}.db"
        postgres.create_database(f"c_{copy}")
        return f"{postgres.get_server_url()}/c_{copy}"

    def clone_template(self, service: str) -> str:
        """A fresh copy, on PostgreSQL one that was given back if there is one."""
        copy = uuid4().hex[:12]
        if SQLITE:
            target = self.folder / f"{service}.{copy}.db"
            shutil.copyfile(self.folder / f"{service}.template.db", target)
            return f"sqlite:///{target}"
        name = self._free_copies[service].pop() if self._free_copies[service] else f"c_{copy}"
        if name not in self._service_by_copy:
            self._create_copy(service, name)
        return f"{postgres.get_server_url()}/{name}"

    def _create_copy(self, service: str, name: str) -> None:
        template = f"t_{self.run_id}_{service}"
        if service not in self._services_with_snapshot:
            postgres.save_snapshot(template)
            self._services_with_snapshot.add(service)
        postgres.create_database(name, template=template)
        self._service_by_copy[name] = service

    def release_copy(self, url: str) -> None:
        """A copy is no longer needed."""
        if SQLITE:
            for path in self.folder.glob(Path(url.removeprefix("sqlite:///")).name + "*"):
                path.unlink()
            return
        name = url.rsplit("/", 1)[1]
        if service := self._service_by_copy.get(name):
            postgres.restore_snapshot(name)
            self._free_copies[service].append(name)
        else:
            postgres.drop_database(name)


async def forget_server(database: Database) -> None:
    """A template forgets on which server it started: its copies are other databases, and none is a restored one."""
    async with database.write() as session:
        await execute_core(session, log_epoch.update().values(server=""))
    await database.close()


def build_settings(service: str, var: Path, url: str, secrets: dict[str, Any]) -> Settings:
    """Settings of a service under test: embedded, nothing running in the background."""
    return Settings.load(
        service,
        embedded=True,
        var=var,
        database_url=url,
        relay=False,
        rates=UNLIMITED_RATES,
        queue_seconds=0,
        **secrets,
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
def templates(tmp_path_factory: pytest.TempPathFactory) -> DatabaseTemplates:
    """Where databases of tests come from."""
    return DatabaseTemplates(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def test_key() -> TestKey:
    """A key whose tokens the services under test accept beside identity's own."""
    return TestKey()


@pytest.fixture(scope="session")
def statement_ledger() -> StatementLedger:
    """The SQL statements of the requests that the running test makes."""
    return StatementLedger()


@pytest.fixture(scope="session")
def costly_hasher() -> Iterator[PasswordHash]:
    """The product's hasher of passwords; services under test have one in its place that costs nothing."""
    from services.identity.accounts import passwords

    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        costly = passwords._hasher
        patch.setattr(passwords, "_hasher", quick)
        yield costly


@pytest.fixture(scope="session")
def _built(
    templates: DatabaseTemplates,
    _clock: Clock,
    test_key: TestKey,
    statement_ledger: StatementLedger,
    costly_hasher: PasswordHash,  # demo accounts get the other
) -> dict[str, FastAPI]:
    configure_logging("CRITICAL")
    var = templates.folder / "var"
    var.mkdir()
    secrets, keys = load_or_create_secrets(var), create_service_keys(list_services())
    urls = {}

    def settings(service: str) -> Settings:
        urls[service] = templates.create_template(service) if has_database(service) else "sqlite://"
        if has_database(service):
            upgrade_database(service, urls[service])
        return build_settings(service, var, urls[service], secrets | keys[service])

    system = System(settings, now=_clock.now)
    for name, app in system.apps.items():
        app.add_middleware(StatementLedgerMiddleware, service=name, ledger=statement_ledger)

    async def start() -> None:
        async with system.lifespan():
            for app in system.apps.values():
                test_key.add_to_verifier(app.state.context)
        for name, app in system.apps.items():
            context: ServiceContext = app.state.context
            if has_database(name):
                await forget_server(Database(urls[name]))
            context.database = LazyCopyDatabase(urls[name], partial(templates.clone_template, name))

    asyncio.run(start())
    return system.apps


async def find_differences(apps: dict[str, FastAPI]) -> list[Difference]:
    """With FSCK=1: what in the tables that a test wrote does not follow from the log it wrote."""
    found = []
    for name, app in apps.items():
        context: ServiceContext = app.state.context
        if has_database(name) and context.database.url:  # type: ignore[attr-defined]
            report = await check_service(name, context.database, app.state.fsck)
            found += report.differences
    return found


@pytest.fixture
async def doors(
    _built: dict[str, FastAPI],
    templates: DatabaseTemplates,
    clock: Clock,
    test_key: TestKey,
    statement_ledger: StatementLedger,
) -> AsyncGenerator[SystemUnderTest]:
    """All services, each with a database of this test."""
    statement_ledger.clear()
    for app in _built.values():
        context: ServiceContext = app.state.context
        context.rules.clear()
        await context.clear_memory()
    found = SystemUnderTest(_built, clock.now, test_key)
    yield found
    await found.close()
    differences = await find_differences(_built) if os.environ.get("FSCK") else []
    for app in _built.values():
        await app.state.context.clear_memory()
        if url := await app.state.context.database.detach_copy():
            templates.release_copy(url)
    statement_ledger.dump()
    assert not differences


@pytest.fixture
def door(doors: SystemUnderTest) -> Callable[[str], Any]:
    """`door("projects").client_as("town_officer", "620602100000")` is a client of that service with that role."""
    return doors.service
