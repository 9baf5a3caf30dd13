"""Databases that hold the shared tables only, for the pieces every service is made of."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import event

from shared.db import SHARED_METADATA, Database
from shared.events import Relay
from shared.events.epoch import settle_epoch
from tests import postgres
from tests.conftest import SQLITE, write_without_waiting
from tests.shared.factories_events import START_OF_TIME, CallableClock, WallReceiver


@asynccontextmanager
async def _create_database(folder: Path) -> AsyncGenerator[Database]:
    name = f"log_{uuid4().hex[:12]}"
    if SQLITE:
        found = Database(f"sqlite:///{folder / name}.db")
        event.listen(found.writer.sync_engine, "connect", write_without_waiting)
    else:
        postgres.create_database(name)
        found = Database(f"{postgres.get_server_url()}/{name}")
    async with found.writer.begin() as connection:
        await connection.run_sync(SHARED_METADATA.create_all)
    async with found.write() as session:
        await settle_epoch(session, START_OF_TIME)
    yield found
    await found.close()
    if not SQLITE:
        postgres.drop_database(name)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    """The database of the service that tells."""
    async with _create_database(tmp_path) as found:
        yield found


@pytest.fixture
async def other_database(tmp_path: Path) -> AsyncGenerator[Database]:
    """The database of a service that is told."""
    async with _create_database(tmp_path) as found:
        yield found


@pytest.fixture
def receiver(other_database: Database) -> WallReceiver:
    """A service that is told of walls."""
    return WallReceiver(other_database)


@pytest.fixture
def relay(database: Database, receiver: WallReceiver, clock: CallableClock) -> Relay:
    """The relay of a service that builds walls, with the clock of the test's own module."""
    return Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: ("wall.built",))
