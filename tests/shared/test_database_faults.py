"""What fails outside of the program is answered 503 with the time to come again; nothing is half done, and work goes on after."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from shared.db import Database, execute_core
from shared.errors import Unavailable
from shared.files import Storage
from tests import postgres
from tests.clients import ServiceUnderTest
from tests.shared.factories_events import list_log_rows, publish_wall_event

DISK_FULL_SQL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON event_log FOR EACH ROW EXECUTE FUNCTION fail()
"""


def _on_server(database: Database) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of somebody else to the same database."""
    return psycopg.connect(f"{postgres.get_server_url()}/{database.writer.url.database}", autocommit=True)


async def _backend(session: Any) -> int:
    return int((await execute_core(session, sa.text("SELECT pg_backend_pid()"))).scalar_one())


async def _end_backend(database: Database, pid: int) -> None:
    with _on_server(database) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def _needs_server(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite is part of the process: there is no connection to lose")


async def _lose_server_in_a_read(database: Database, *statements: str) -> None:
    async with database.read() as session:
        await _end_backend(database, await _backend(session))
        for one in statements:
            await execute_core(session, sa.text(one))


async def test_a_server_lost_in_the_middle_of_a_read_is_503(database: Database) -> None:
    _needs_server(database)
    with pytest.raises(Unavailable) as refused:
        await _lose_server_in_a_read(database, "SELECT 1")
    assert refused.value.headers["Retry-After"]
    assert await list_log_rows(database) == []


async def test_a_server_lost_after_a_read_is_503_for_the_next_read_alone(database: Database) -> None:
    """A read has no transaction to end: its own rows were complete."""
    _needs_server(database)
    await _lose_server_in_a_read(database)
    with pytest.raises(Unavailable) as refused:
        await list_log_rows(database)
    assert refused.value.headers["Retry-After"]
    assert await list_log_rows(database) == []


async def _lose_server_before_commit(database: Database) -> None:
    async with database.write() as session:
        await execute_core(session, sa.text("UPDATE log_epoch SET reason = 'half'"))
        await _end_backend(database, await _backend(session))


async def test_a_server_lost_before_the_commit_is_503_and_nothing_is_written(database: Database) -> None:
    _needs_server(database)
    with pytest.raises(Unavailable):
        await _lose_server_before_commit(database)
    async with database.read() as session:
        reasons = await execute_core(session, sa.text("SELECT reason FROM log_epoch"))
        assert "half" not in reasons.scalars().all()


async def _idle_too_long(database: Database) -> None:
    async with database.write() as session:
        await execute_core(session, sa.text("SET idle_in_transaction_session_timeout = '10ms'"))
        pid = await _backend(session)
        with _on_server(database) as other:
            for _ in range(1000):
                query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
                if other.execute(query, (pid,)).fetchone() == (0,):
                    break
                await asyncio.sleep(0.01)
        await execute_core(session, sa.text("SELECT 1"))


async def test_a_transaction_that_idled_too_long_is_503(database: Database) -> None:
    """SQLSTATE 25P03: the server ends the session of a process that was stopped or starved."""
    _needs_server(database)
    with pytest.raises(Unavailable) as refused:
        await _idle_too_long(database)
    assert refused.value.headers["Retry-After"]
    await publish_wall_event(database, "after")


async def test_a_full_disk_is_503_and_loses_nothing(database: Database) -> None:
    await publish_wall_event(database, "before")
    undo = await _fill_disk(database)
    with pytest.raises(Unavailable) as refused:
        await publish_wall_event(database, "w" * (60 if database.dialect == "postgresql" else 1_000_000))
    assert refused.value.headers["Retry-After"]
    await undo()
    await publish_wall_event(database, "after")
    assert [row.subject for row in await list_log_rows(database)] == ["before", "after"]


async def _fill_disk(database: Database) -> Callable[[], Any]:
    async def run(*statements: str) -> None:
        async with database.write() as session:
            for one in statements:
                await execute_core(session, sa.text(one))

    if database.dialect == "postgresql":
        await run(*DISK_FULL_SQL.strip().rsplit("\n", 1))
        return lambda: run("DROP TRIGGER fail ON event_log")
    async with database.write() as session:
        pages = (await execute_core(session, sa.text("PRAGMA page_count"))).scalar_one()
        await execute_core(session, sa.text(f"PRAGMA max_page_count = {pages}"))
    return lambda: run("PRAGMA max_page_count = 1000000")


async def test_a_read_only_database_is_503_for_writes_and_serves_reads(database: Database) -> None:
    await publish_wall_event(database, "before")
    if database.dialect == "postgresql":
        name = database.writer.url.database
        with _on_server(database) as other:
            other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await database.close()
    else:
        async with database.write() as session:
            await execute_core(session, sa.text("PRAGMA query_only = ON"))
    with pytest.raises(Unavailable):
        await publish_wall_event(database, "refused")
    assert [row.subject for row in await list_log_rows(database)] == ["before"]


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_a_full_file_store_is_503(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "files"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(Unavailable):
            await storage.put(_stream(os.urandom(3_000_000)), limit=10_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (await storage.put(_stream(b"small"), limit=100)).size == 5


async def test_a_file_store_that_cannot_be_written_is_503() -> None:
    with pytest.raises(Unavailable):
        await Storage("/proc/no-such-place").put(_stream(b"x"), limit=10)


async def test_a_service_whose_database_is_away_answers_503(
    door: Callable[[str], ServiceUnderTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Reads and readiness say so, with the time to come again; liveness goes on."""
    service = door("funds")
    client = service.client_as("bureau")
    away = {
        "sqlite": f"sqlite:///{tmp_path}",
        "postgresql": "postgresql://nobody@127.0.0.1:1/x",
    }[service.context.database.dialect]
    monkeypatch.setattr(service.context, "database", Database(away))

    answer = await client.get("/funds/sources")
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    ready = await client.get("http://test/readyz")
    assert ready.status_code == 503
    assert ready.json()["reason"]
    assert (await client.get("http://test/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"f_flag": os.ST_RDONLY}, "只读"),
        ({"f_bavail": 100}, "磁盘将满"),
        ({"f_favail": 0}, "磁盘将满"),
    ],
)
async def test_readiness_sees_the_disk(
    door: Callable[[str], ServiceUnderTest],
    monkeypatch: pytest.MonkeyPatch,
    state: dict[str, int],
    expected: str,
) -> None:
    client = door("funds").anonymous_client()
    assert (await client.get("http://test/readyz")).status_code == 200
    good = {"f_flag": 0, "f_bavail": 10**9, "f_frsize": 4096, "f_favail": 10**6}
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(**(good | state)))

    answer = await client.get("http://test/readyz")

    assert answer.status_code == 503
    assert expected in answer.json()["reason"]


async def test_readiness_sees_a_database_that_became_read_only(
    door: Callable[[str], ServiceUnderTest],
) -> None:
    service = door("funds")
    _needs_server(service.context.database)
    client = service.anonymous_client()
    assert (await client.get("http://test/readyz")).status_code == 200
    async with service.context.database.write() as session:
        name = (await execute_core(session, sa.text("SELECT current_database()"))).scalar_one()
        await execute_core(
            session, sa.text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        )
    await service.context.database.close()
    try:
        answer = await client.get("http://test/readyz")
    finally:
        with psycopg.connect(f"{postgres.get_server_url()}/postgres", autocommit=True) as other:
            other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert answer.status_code == 503
    assert "只读" in answer.json()["reason"]
