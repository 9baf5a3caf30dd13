"""Texts beside a session that only reads: they cannot write, and a broken connection is opened again."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shared.db import Database, SelectsTogether, execute_core
from shared.db.read_lane import MAX_CONNECTIONS
from shared.errors import ApiError, Unavailable
from tests.clients import SystemUnderTest
from tests.conftest import SQLITE

ONE = SelectsTogether(given=sa.select(sa.bindparam("words", type_=sa.String()).label("words")))
DELETE = "DELETE FROM project"


@pytest.fixture
def database(doors: SystemUnderTest) -> Database:
    found: Database = doors.apps["projects"].state.context.database
    return found


async def _ask(database: Database, words: str) -> str:
    async with database.read() as session:
        answer: str = (await ONE.read(session, words=words))["given"][0].words
    return answer


async def test_what_only_reads_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        await database.lane.fetch(DELETE, {})

    assert await _ask(database, "after the refusal") == "after the refusal"


async def test_more_askers_than_connections_all_get_their_own_answer(database: Database) -> None:
    words = [f"{at} 100% %s :{at}" for at in range(MAX_CONNECTIONS * 5)]

    assert await asyncio.gather(*(_ask(database, one) for one in words)) == words


async def test_a_connection_that_the_server_ended_is_refused_once_and_opened_again(
    database: Database,
) -> None:
    if SQLITE:
        pytest.skip("SQLite has no server that ends connections")
    pids = SelectsTogether(own=sa.select(sa.func.pg_backend_pid().label("pid")))
    async with database.read() as session:
        pid = (await pids.read(session))["own"][0].pid
    async with database.write() as session:
        await execute_core(session, sa.select(sa.func.pg_terminate_backend(pid)))
    with pytest.raises(ApiError) as refused:
        await _ask(database, "meanwhile")

    assert isinstance(refused.value, Unavailable)
    assert await _ask(database, "after") == "after"
