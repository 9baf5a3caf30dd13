"""More people at once than there are connections: who waited too long is told to come again, and nothing breaks."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.db import Database, execute_core
from shared.errors import Unavailable


async def test_who_finds_every_connection_taken_is_told_when_to_come_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.writer.sync_engine.pool._timeout = 0.05  # type: ignore[attr-defined]
    async with database.write() as session:
        await execute_core(session, sa.text("SELECT 1"))
        with pytest.raises(Unavailable) as refused:
            async with database.write() as second:
                await execute_core(second, sa.text("SELECT 1"))
    assert refused.value.headers["Retry-After"]
    async with asyncio.timeout(5), database.write() as third:
        await execute_core(third, sa.text("SELECT 1"))
    await database.close()
