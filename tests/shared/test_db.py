"""Two writers never lose an update, readers are not in their way, and what cannot be kept is refused."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shared.db import Database, execute_core, inbox, log_cursor, objection
from shared.errors import Conflict, Invalid
from tests.conftest import MORNING, SQLITE

ROUND_COUNT = 15


@pytest.fixture
async def other(database: Database) -> AsyncGenerator[Database]:
    """The same database, opened by another process."""
    found = Database(database.writer.url.render_as_string(hide_password=False))
    yield found
    await found.close()


async def _insert_cursor(database: Database) -> None:
    async with database.write() as session:
        await execute_core(
            session,
            log_cursor.insert().values(subscriber="paint", seq=0, tx=0, due_at=MORNING, last_error=""),
        )


async def _write_statement(database: Database, statement: Any) -> None:
    async with database.write() as session:
        await execute_core(session, statement)


async def _increment_repeatedly(database: Database) -> None:
    for _ in range(ROUND_COUNT):
        async with database.write() as session:
            query = sa.select(log_cursor.c.seq).where(log_cursor.c.subscriber == "paint").with_for_update()
            seen = (await execute_core(session, query)).scalar_one()
            await asyncio.sleep(0.001)
            await execute_core(session, log_cursor.update().values(seq=seen + 1))


async def _read_seq(database: Database) -> int:
    async with database.read() as session:
        return int((await execute_core(session, sa.select(log_cursor.c.seq))).scalar_one())


async def test_two_processes_that_read_and_then_write_lose_nothing(
    database: Database, other: Database
) -> None:
    """On SQLite this is `BEGIN IMMEDIATE`: with a plain BEGIN the second writer's read is stale and it fails."""
    await _insert_cursor(database)

    await asyncio.gather(_increment_repeatedly(database), _increment_repeatedly(other))

    assert await _read_seq(database) == 2 * ROUND_COUNT


async def test_a_reader_reads_beside_a_writer(database: Database, other: Database) -> None:
    await _insert_cursor(database)
    async with database.write() as session:
        await execute_core(session, log_cursor.update().values(seq=7))
        during = await asyncio.wait_for(_read_seq(other), 2)
    after = await _read_seq(other)

    assert (during, after) == (0, 7)


async def _fail_after_update(database: Database) -> None:
    async with database.write() as session:
        await execute_core(session, log_cursor.update().values(seq=7))
        raise RuntimeError("bug")


async def test_a_block_that_fails_leaves_nothing(database: Database) -> None:
    await _insert_cursor(database)
    with pytest.raises(RuntimeError):
        await _fail_after_update(database)

    assert await _read_seq(database) == 0


async def test_an_equal_row_is_a_conflict(database: Database) -> None:
    await _insert_cursor(database)

    with pytest.raises(Conflict):
        await _insert_cursor(database)


@pytest.mark.parametrize("values", [{"last_error": "half \ud800 a character"}, {"seq": 2**70}])
async def test_what_no_database_can_keep_is_refused(database: Database, values: dict[str, Any]) -> None:
    await _insert_cursor(database)

    ((name, value),) = values.items()
    looking_for_it = sa.select(log_cursor).where(log_cursor.c[name] == value)

    with pytest.raises(Invalid):
        await _write_statement(database, log_cursor.update().values(**values))
    with pytest.raises(Invalid):
        async with database.read() as session:
            await execute_core(session, looking_for_it)


async def test_references_are_checked_on_both_databases(database: Database) -> None:
    row = {"id": uuid4(), "notice_id": uuid4(), "text": "x", "channel": "x", "raised_by": "x"}

    with pytest.raises(IntegrityError):
        await _write_statement(database, objection.insert().values(raised_at=MORNING, **row))


async def test_times_come_back_as_they_were_on_both_databases(database: Database) -> None:
    row = {"event_id": uuid4(), "service": "walls", "type": "wall.built", "received_at": MORNING}
    async with database.write() as session:
        await execute_core(session, inbox.insert().values(**row))
    async with database.read() as session:
        kept = (await execute_core(session, sa.select(inbox))).mappings().one()

    assert dict(kept) == row


async def test_connections_that_a_burst_opened_serve_the_next_one(database: Database) -> None:
    """Those beyond the size of a pool were closed after each use: under load half of all reads connected anew.

    On PostgreSQL a pool keeps four, since eleven services share the connections of a server.
    """
    size = 8 if SQLITE else 4
    opened: list[object] = []
    sa.event.listen(database.reader.sync_engine, "connect", lambda connection, _: opened.append(connection))

    async def read_together() -> None:
        together = asyncio.Barrier(size)

        async def read() -> None:
            async with database.read() as session:
                await execute_core(session, sa.select(sa.literal(1)))
                await together.wait()

        await asyncio.gather(*(read() for _ in range(size)))

    await read_together()
    after_first = len(opened)
    for _ in range(3):
        await read_together()

    assert after_first == len(opened) <= size
