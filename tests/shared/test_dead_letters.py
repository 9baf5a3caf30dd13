"""A refused event waits for an operator, with all that follow of its subject, and arrives in order when asked for."""

import pytest

from shared import cursors
from shared.db import Database, run
from shared.relay import PATIENCE, Relay
from shared.tables import dead_letter
from tests.shared.log_world import Clock, Receiver, write

WANTED = ("wall.built",)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _standing(database: Database) -> cursors.CursorRead:
    async with database.read() as session:
        (found,) = await cursors.list_cursors(session, lambda _: WANTED)
    return found


async def _refused_for_good(relay: Relay, receiver: Receiver, database: Database, clock: Clock) -> None:
    receiver.refuses = {"north"}
    for version in (1, 2):
        await write(database, "north", version)
        await write(database, "south", version)
    await relay.drain()
    for _ in range(PATIENCE):
        clock.pass_by(minutes=5)
        await relay.step("paint")
    await relay.drain()


async def test_a_refused_event_is_parked_with_all_that_follow_of_its_subject(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    await _refused_for_good(relay, receiver, database, clock)
    await write(database, "north", 3)
    await relay.drain()

    async with database.read() as session:
        dead = await cursors.list_dead(session, "paint")
    assert [(one.subject, one.error, one.type) for one in dead] == [
        ("north", "no such wall", "wall.built"),
        ("north", "", "wall.built"),
        ("north", "", "wall.built"),
    ]
    assert receiver.copies.count(("north", 1)) == PATIENCE
    assert ("north", 2) not in receiver.copies
    assert receiver.effects == [("south", 1), ("south", 2)]
    assert (await _standing(database)).waiting == 0


async def test_parked_events_arrive_in_order_once_an_operator_asks(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    await _refused_for_good(relay, receiver, database, clock)
    receiver.refuses = set()
    async with database.write() as session:
        assert await cursors.retry_dead(session, "paint", "north") == 2
    await write(database, "north", 3)

    await relay.drain()

    assert [effect for effect in receiver.effects if effect[0] == "north"] == [
        ("north", v) for v in (1, 2, 3)
    ]
    assert (await _standing(database)).parked == 0


async def test_events_parked_after_the_operator_asked_follow_too(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    await _refused_for_good(relay, receiver, database, clock)
    async with database.write() as session:
        await cursors.retry_dead(session, "paint", "north")
    async with database.write() as session:
        row = {
            "subscriber": "paint",
            "seq": 999,
            "subject": "north",
            "error": "",
            "parked_at": clock(),
            "retry": False,
        }
        await run(session, dead_letter.insert(), row)
    receiver.refuses = set()

    await relay.drain()

    async with database.read() as session:
        left = (await run(session, dead_letter.select())).all()
    assert [(row.seq, row.retry) for row in left] == [(999, True)]


async def test_an_event_refused_again_waits_for_the_operator_again(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    await _refused_for_good(relay, receiver, database, clock)
    async with database.write() as session:
        await cursors.retry_dead(session, "paint")
    tried = len(receiver.copies)

    await relay.drain()
    await relay.drain()

    assert receiver.copies[tried:] == [("north", 1)]
    async with database.read() as session:
        assert [one.retry for one in await cursors.list_dead(session, "paint")] == [False, False]
