"""The log has one final order that no reader can miss a row of, however writers overtake one another."""

import asyncio
import random

import pytest
import sqlalchemy as sa

from shared.db import Database
from shared.errors import Invalid
from shared.events import (
    LOG_START,
    Cursor,
    format_cursor,
    last_visible_cursor,
    list_after_cursor,
    log,
    parse_cursor,
    publish,
)
from tests.shared.factories_events import CLERK, START_OF_TIME, WallBuilt, publish_wall_event


async def _read_subjects(database: Database, cursor: Cursor) -> tuple[list[str], Cursor]:
    async with database.read() as session:
        rows = await list_after_cursor(session, cursor)
    return [row.subject for row in rows], (rows[-1].tx, rows[-1].seq) if rows else cursor


class OvertakenWriter:
    """A writer that has taken its number and not committed, while another writes and commits."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.has_written, self.may_commit = asyncio.Event(), asyncio.Event()

    async def write_slowly(self) -> None:
        async with self.database.write() as session:
            await publish(
                session,
                WallBuilt(),
                actor=CLERK,
                subject="slow",
                version=1,
                region="620602100201",
                at=START_OF_TIME,
            )
            await log.write_pending_events(session)
            self.has_written.set()
            await self.may_commit.wait()


async def _read_while_overtaken(database: Database) -> list[str]:
    """What a reader sees that reads once in the middle and once at the end."""
    story = OvertakenWriter(database)
    slow = asyncio.create_task(story.write_slowly())
    await story.has_written.wait()
    await publish_wall_event(database, "fast")
    middle, cursor = await _read_subjects(database, LOG_START)
    story.may_commit.set()
    await slow
    end, _ = await _read_subjects(database, cursor)
    return [*middle, *end]


def _skip_unless_postgres(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time, so nobody overtakes")


async def test_a_writer_that_is_overtaken_is_not_lost(database: Database) -> None:
    _skip_unless_postgres(database)

    assert await _read_while_overtaken(database) == ["slow", "fast"]


async def test_without_the_guard_the_overtaken_row_would_be_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _skip_unless_postgres(database)
    monkeypatch.setattr(log, "is_visible", lambda _: sa.true())

    assert await _read_while_overtaken(database) == ["fast"]


async def test_a_transaction_open_in_another_database_holds_nothing_up(
    database: Database, other_database: Database
) -> None:
    story = OvertakenWriter(other_database)
    slow = asyncio.create_task(story.write_slowly())
    await story.has_written.wait()

    await publish_wall_event(database, "fast")
    middle, _ = await _read_subjects(database, LOG_START)
    story.may_commit.set()
    await slow

    assert middle == ["fast"]


async def test_many_writers_and_one_reader_lose_and_repeat_nothing(database: Database) -> None:
    dice = random.Random(7)
    done = asyncio.Event()

    async def writer(name: int) -> None:
        for version in range(10):
            async with database.write() as session:
                await publish(
                    session,
                    WallBuilt(),
                    actor=CLERK,
                    subject=f"w{name}",
                    version=version,
                    region="620602100201",
                    at=START_OF_TIME,
                )
                await asyncio.sleep(dice.random() / 100)

    async def reader() -> list[tuple[str, int]]:
        seen, cursor, last = [], LOG_START, False
        while True:
            async with database.read() as session:
                rows = await list_after_cursor(session, cursor, limit=7)
            seen += [(row.subject, row.subject_version) for row in rows]
            if rows:
                cursor = (rows[-1].tx, rows[-1].seq)
            elif last:
                return seen
            last = done.is_set()
            await asyncio.sleep(0.001)

    reading = asyncio.create_task(reader())
    await asyncio.gather(*map(writer, range(8)))
    done.set()
    seen = await reading

    assert sorted(seen) == [(f"w{name}", version) for name in range(8) for version in range(10)]
    for name in range(8):
        assert [v for w, v in seen if w == f"w{name}"] == list(range(10)), "each writer's own order is kept"


async def test_a_row_is_there_only_with_the_change_beside_it(database: Database) -> None:
    async def change_and_fail() -> None:
        async with database.write() as session:
            await publish(
                session,
                WallBuilt(),
                actor=CLERK,
                subject="n",
                version=1,
                region="620602100201",
                at=START_OF_TIME,
            )
            message = "不行"
            raise Invalid(message)

    with pytest.raises(Invalid):
        await change_and_fail()

    assert await _read_subjects(database, LOG_START) == ([], LOG_START)


async def test_the_head_is_the_last_row_or_the_end_of_the_window(database: Database) -> None:
    for version in range(5):
        await publish_wall_event(database, "n", version)
    async with database.read() as session:
        rows = await list_after_cursor(session, LOG_START)
        places = [(row.tx, row.seq) for row in rows]

        assert await last_visible_cursor(session) == places[4]
        assert await last_visible_cursor(session, places[4]) == places[4]
        assert await last_visible_cursor(session, LOG_START, window=2) == places[1]
        assert await last_visible_cursor(session, places[1], window=2) == places[3]
        assert await last_visible_cursor(session, places[3], window=2) == places[4]


@pytest.mark.parametrize("cursor", [(0, 0), (0, 7), (2**59, 2**58)])
def test_a_cursor_survives_the_way_to_the_client_and_back(cursor: Cursor) -> None:
    assert parse_cursor(format_cursor("0123456789", cursor)) == ("0123456789", cursor)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "1",
        "1.2.3",
        "0123456.1.1",
        "0123456789.1.1.1",
        "",
        "1.",
        "-1.1",
        "0x1.1",
        "1_0.1",
        " 1.1",
        "1" * 16 + ".1",
    ],
)
def test_what_is_not_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_cursor(text)


def test_a_cursor_of_the_last_release_names_no_epoch() -> None:
    assert parse_cursor("2f.1a") == ("", (0x2F, 0x1A))
