"""A database of the last release comes up to date with all that it holds, on both databases."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from services.identity.keys.service import KEY_ASSOCIATED_DATA
from shared.app.serve import migrate_database
from shared.auth import Keyring
from shared.db import Database, event_log, execute_core
from shared.db.migrate import upgrade_database
from shared.events import LOG_START, list_after_cursor
from shared.events.audit_log import LogReport, Seal, seal_rows, verify_chain
from shared.events.epoch import settle_epoch
from shared.settings import Settings
from tests import released
from tests.architecture.shapes import open_engine, read_names, read_shape
from tests.conftest import SQLITE, DatabaseTemplates
from tests.shared.factories_events import START_OF_TIME, CallableClock, build_context, publish_wall_event

STORING = released.list_dumped_services()
KIND = "sqlite" if SQLITE else "postgres"
NEW_ROWS = {"log_epoch": 1, "inbox_position": 0}
"""What migrations since the release add to every database."""


class Upgraded(NamedTuple):
    """A released database of a service after the migrations of today, and what it held before them."""

    service: str
    url: str
    before: dict[str, Any]


def _restore(service: str, url: str) -> None:
    if SQLITE:
        released.load_sqlite(service, Path(url.removeprefix("sqlite:///")))
    else:
        asyncio.run(released.load_postgres(service, url))


@pytest.fixture(scope="module", params=STORING)
def upgraded(request: pytest.FixtureRequest, templates: DatabaseTemplates) -> Iterator[Upgraded]:
    """Restored as released, then migrated as a start does it."""
    service, url = request.param, templates.create_empty()
    _restore(service, url)
    before = released.measure(url)
    migrate_database(Settings.load(service, embedded=True, database_url=url))
    yield Upgraded(service, url, before)
    templates.release_copy(url)


async def _verify(url: str, head: dict[str, Any]) -> LogReport:
    database = Database(url)
    try:
        async with database.read() as session:
            return await verify_chain(session, Seal(position=head["position"], digest=head["digest"]))
    finally:
        await database.close()


def test_a_dump_restores_what_was_dumped(upgraded: Upgraded) -> None:
    assert upgraded.before == released.read_counts(KIND, upgraded.service)


def test_an_upgrade_keeps_every_row(upgraded: Upgraded) -> None:
    after = released.measure(upgraded.url)

    before = released.read_counts(KIND, upgraded.service)["rows"]
    before["log_cursor"] += 1  # the mark that the next start writes a baseline of the rows into the log
    assert {name: after["rows"][name] for name in before} == before
    assert {name: after["rows"][name] for name in NEW_ROWS} == NEW_ROWS


def test_an_upgrade_keeps_the_books(upgraded: Upgraded) -> None:
    after = released.measure(upgraded.url)

    assert after.get("postings") == released.read_counts(KIND, upgraded.service).get("postings")
    assert after.get("postings", {}).get("sum", 0) == 0


async def test_an_upgrade_keeps_the_log_and_its_seals(upgraded: Upgraded) -> None:
    head = released.read_counts(KIND, upgraded.service)["head"]

    report = await _verify(upgraded.url, head)

    assert not report.faults
    assert report.rows >= head["position"] > 0


def test_an_upgrade_leads_to_the_tables_of_a_new_database(
    upgraded: Upgraded, templates: DatabaseTemplates
) -> None:
    new = templates.create_empty()
    upgrade_database(upgraded.service, new)

    assert read_shape(upgraded.url) == read_shape(new)
    assert read_names(upgraded.url) == read_names(new)
    templates.release_copy(new)


@pytest.mark.parametrize("upgraded", ["identity"], indirect=True)
def test_each_account_becomes_a_person_of_its_own(upgraded: Upgraded) -> None:
    engine = open_engine(upgraded.url)
    with engine.connect() as connection:
        accounts = connection.exec_driver_sql("SELECT id, person_id, person_name FROM account").all()
    engine.dispose()

    assert accounts
    assert all((row.person_id, row.person_name) == (row.id, "") for row in accounts)


async def test_the_log_of_a_restored_release_goes_on(upgraded: Upgraded) -> None:
    """The dump's transaction ids may be ahead of this server's: its rows stay visible and new rows follow them."""
    database = Database(upgraded.url)
    context = build_context(database, CallableClock(), upgraded.service)
    async with database.write() as session:
        await settle_epoch(session, START_OF_TIME)
    await publish_wall_event(database, "after the upgrade")
    while await seal_rows(context):
        pass
    async with database.read() as session:
        rows = await list_after_cursor(session, LOG_START, limit=1_000_000)
        count = (await execute_core(session, sa.select(sa.func.count()).select_from(event_log))).scalar_one()
        report = await verify_chain(session)
    await database.close()

    assert len(rows) == count
    assert rows[-1].subject == "after the upgrade"
    assert not report.faults
    assert report.rows == count


@pytest.mark.parametrize("upgraded", ["identity"], indirect=True)
def test_the_keys_of_the_dumps_open_what_is_sealed(upgraded: Upgraded) -> None:
    keys = released.read_keys()
    keyring = Keyring(keys["data_keys"], keys["index_key"])
    engine = open_engine(upgraded.url)
    with engine.connect() as connection:
        table = sa.table("signing_key", sa.column("kid", sa.String), sa.column("sealed", sa.String))
        sealed = connection.execute(sa.select(table)).all()
    engine.dispose()

    assert sealed
    assert all(
        '"kty"' in keyring.decrypt(row.sealed, associated_data=KEY_ASSOCIATED_DATA + row.kid)
        for row in sealed
    )
