"""A refused event waits for an operator, with all that follow of its subject, and arrives in order when asked for."""

import pytest

from shared.db import Database, dead_letter, execute_core
from shared.events import MAX_REFUSALS, Relay, outbox_cursors
from tests.shared.factories_events import CallableClock, WallReceiver, publish_wall_event

WANTED_TOPICS = ("wall.built",)


@pytest.fixture
def clock() -> CallableClock:
    return CallableClock()


async def _get_cursor_status(database: Database) -> outbox_cursors.CursorRead:
    async with database.read() as session:
        (found,) = await outbox_cursors.list_cursors(session, lambda _: WANTED_TOPICS)
    return found


async def _exhaust_retries(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    receiver.refused_subjects = {"north"}
    for version in (1, 2):
        await publish_wall_event(database, "north", version)
        await publish_wall_event(database, "south", version)
    await relay.drain()
    for _ in range(MAX_REFUSALS):
        clock.advance(minutes=5)
        await relay.deliver_batch("paint")
    await relay.drain()


async def test_a_refused_event_is_parked_with_all_that_follow_of_its_subject(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    await _exhaust_retries(relay, receiver, database, clock)
    await publish_wall_event(database, "north", 3)
    await relay.drain()

    async with database.read() as session:
        dead = await outbox_cursors.list_dead_letters(session, "paint")
    assert [(one.subject, one.error, one.type) for one in dead] == [
        ("north", "no such wall", "wall.built"),
        ("north", "", "wall.built"),
        ("north", "", "wall.built"),
    ]
    assert receiver.copies.count(("north", 1)) == MAX_REFUSALS
    assert ("north", 2) not in receiver.copies
    assert receiver.effects == [("south", 1), ("south", 2)]
    assert (await _get_cursor_status(database)).waiting == 0


async def test_parked_events_arrive_in_order_once_an_operator_asks(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    await _exhaust_retries(relay, receiver, database, clock)
    receiver.refused_subjects = set()
    async with database.write() as session:
        assert await outbox_cursors.request_retry(session, "paint", "north") == 2
    await publish_wall_event(database, "north", 3)

    await relay.drain()

    assert [effect for effect in receiver.effects if effect[0] == "north"] == [
        ("north", v) for v in (1, 2, 3)
    ]
    assert (await _get_cursor_status(database)).parked == 0


async def test_events_parked_after_the_operator_asked_follow_too(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    await _exhaust_retries(relay, receiver, database, clock)
    async with database.write() as session:
        await outbox_cursors.request_retry(session, "paint", "north")
    async with database.write() as session:
        row = {
            "subscriber": "paint",
            "seq": 999,
            "subject": "north",
            "error": "",
            "parked_at": clock(),
            "retry": False,
        }
        await execute_core(session, dead_letter.insert(), row)
    receiver.refused_subjects = set()

    await relay.drain()

    async with database.read() as session:
        left = (await execute_core(session, dead_letter.select())).all()
    assert [(row.seq, row.retry) for row in left] == [(999, True)]


async def test_an_event_refused_again_waits_for_the_operator_again(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    await _exhaust_retries(relay, receiver, database, clock)
    async with database.write() as session:
        await outbox_cursors.request_retry(session, "paint")
    tried = len(receiver.copies)

    await relay.drain()
    await relay.drain()

    assert receiver.copies[tried:] == [("north", 1)]
    async with database.read() as session:
        assert [one.retry for one in await outbox_cursors.list_dead_letters(session, "paint")] == [
            False,
            False,
        ]
