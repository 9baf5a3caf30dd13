"""All services on the databases of the last release, which hold a year of one district."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from docs.generate import build_apps
from embedded.run_secrets import create_service_keys
from embedded.system import System, list_services
from shared.app.serve import migrate_database
from shared.db import sync_url
from shared.db.migrate import has_database, upgrade_database
from shared.settings import Settings
from tests import released
from tests.clients import SystemUnderTest, TestKey
from tests.conftest import SQLITE, UNLIMITED_RATES, DatabaseTemplates

A_WEEK_LATER = timedelta(days=7)


@pytest.fixture(scope="session")
def built() -> dict[str, FastAPI]:
    """The apps of all services without databases: what they declare."""
    return build_apps()


def _restore(service: str, url: str) -> None:
    if service not in released.list_dumped_services():
        upgrade_database(service, url)
        return
    if SQLITE:
        released.load_sqlite(service, Path(url.removeprefix("sqlite:///")))
    else:
        asyncio.run(released.load_postgres(service, url))
    migrate_database(Settings.load(service, embedded=True, database_url=url))


def _read_last_moment(url: str) -> datetime:
    engine = sa.create_engine(sync_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        last = connection.execute(sa.text("SELECT max(ingested_at) FROM event_log")).scalar_one()
    engine.dispose()
    found = datetime.fromisoformat(last) if isinstance(last, str) else last
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@pytest.fixture(scope="session")
def released_system(
    templates: DatabaseTemplates, tmp_path_factory: pytest.TempPathFactory, test_key: TestKey
) -> Iterator[tuple[dict[str, FastAPI], datetime]]:
    """The apps of all services, and the moment they live at: a week after the last thing that happened."""
    var, urls, moments = tmp_path_factory.mktemp("released"), {}, []
    keys = create_service_keys(list_services())

    def settings(service: str) -> Settings:
        urls[service] = templates.create_empty() if has_database(service) else "sqlite://"
        if has_database(service):
            _restore(service, urls[service])
            if service in released.list_dumped_services():
                moments.append(_read_last_moment(urls[service]))
        return Settings.load(
            service,
            embedded=True,
            var=var,
            database_url=urls[service],
            relay=False,
            rates=UNLIMITED_RATES,
            **{**released.read_keys(), **keys[service]},
        )

    system = System(settings, now=lambda: max(moments) + A_WEEK_LATER)

    async def start() -> None:
        async with system.lifespan():
            for app in system.apps.values():
                test_key.add_to_verifier(app.state.context)

    asyncio.run(start())
    yield system.apps, max(moments) + A_WEEK_LATER
    for service, url in urls.items():
        if has_database(service):
            templates.release_copy(url)


@pytest.fixture
async def year(
    released_system: tuple[dict[str, FastAPI], datetime], test_key: TestKey
) -> AsyncGenerator[SystemUnderTest]:
    """All services with the year in their databases, to be read only."""
    apps, moment = released_system
    found = SystemUnderTest(apps, lambda: moment, test_key)
    yield found
    await found.close()
    for app in apps.values():
        await app.state.context.clear_memory()
        await app.state.context.database.close()
