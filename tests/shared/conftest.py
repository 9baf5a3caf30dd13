"""Databases that hold the shared tables only, for the pieces every service is made of."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from shared.db import Database
from shared.tables import SHARED


@asynccontextmanager
async def _made(folder: Path) -> AsyncGenerator[Database]:
    name = f"log_{uuid4().hex[:12]}"
    if os.environ.get("DATABASE", "sqlite") == "sqlite":
        found = Database(f"sqlite:///{folder / name}.db")
    else:
        from tests import postgres

        postgres.create_database(name)
        found = Database(f"{postgres.server_url()}/{name}")
    async with found.writer.begin() as connection:
        await connection.run_sync(SHARED.create_all)
    yield found
    await found.close()
    if found.dialect == "postgresql":
        from tests import postgres

        postgres.drop_database(name)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    """The database of the service that tells."""
    async with _made(tmp_path) as found:
        yield found


@pytest.fixture
async def other_database(tmp_path: Path) -> AsyncGenerator[Database]:
    """The database of a service that is told."""
    async with _made(tmp_path) as found:
        yield found
