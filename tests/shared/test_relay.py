"""Every event reaches every subscriber, once in effect, in order per subject, whatever fails."""

import asyncio
from contextlib import suppress

import pytest

from shared import cursors
from shared.db import Database
from shared.errors import Unavailable
from shared.events import Envelope
from shared.relay import BATCH, IDLE_ROWS, LEASE, PATIENCE, Outcome, Relay, backoff
from tests.shared.log_world import Clock, Painted, Receiver, write

WANTED = ("wall.built",)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _standing(database: Database) -> cursors.CursorRead:
    async with database.read() as session:
        (found,) = await cursors.list_cursors(session, lambda _: WANTED)
    return found


async def test_events_arrive_in_the_order_they_happened(
    relay: Relay, receiver: Receiver, database: Database
) -> None:
    for version in range(1, 4):
        for subject in ("north", "south"):
            await write(database, subject, version)

    assert await relay.drain() == 6

    assert receiver.effects == [(s, v) for v in (1, 2, 3) for s in ("north", "south")]


async def test_more_events_than_one_batch_all_arrive(
    relay: Relay, receiver: Receiver, database: Database
) -> None:
    for version in range(2 * BATCH + 3):
        await write(database, "north", version)

    assert await relay.drain() == 2 * BATCH + 3

    assert receiver.effects == [("north", version) for version in range(2 * BATCH + 3)]


async def test_topics_nobody_asked_for_are_passed_over(
    relay: Relay, receiver: Receiver, database: Database
) -> None:
    await write(database, "north", 1, Painted())
    await write(database, "north", 2)
    await write(database, "north", 3, Painted())

    assert await relay.drain() == 1

    assert receiver.effects == [("north", 2)]


async def test_a_long_stretch_of_other_topics_is_passed_once(
    relay: Relay, database: Database, receiver: Receiver
) -> None:
    for version in range(IDLE_ROWS + 1):
        await write(database, "north", version, Painted())
    await relay.drain()

    before = (await _standing(database)).cursor
    await write(database, "north", 0)
    await relay.drain()

    assert before != "0.0"
    assert receiver.effects == [("north", 0)]


async def test_a_process_that_dies_after_the_post_delivers_again_with_one_effect(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    await write(database, "north")
    receiver.dies_after_effect = True
    with suppress(Unavailable):
        await relay.drain()
    receiver.dies_after_effect = False

    assert await relay.step("paint") == 0, "the dead process still holds its lease"
    clock.pass_by(seconds=LEASE.total_seconds())
    assert await relay.step("paint") == 1

    assert receiver.copies == [("north", 1)] * 2
    assert receiver.effects == [("north", 1)]


async def test_a_receiver_that_is_down_is_waited_for_longer_each_time(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    receiver.down = True
    await write(database, "north")
    await relay.drain()
    for failures in range(1, 12):
        assert (await _standing(database)).failures == failures
        clock.pass_by(seconds=backoff(failures).total_seconds() - 0.1)
        assert await relay.step("paint") == 0
        assert (await _standing(database)).failures == failures, "it was tried too early"
        clock.pass_by(seconds=0.1)
        await relay.step("paint")

    receiver.down = False
    clock.pass_by(minutes=5)
    assert await relay.step("paint") == 1

    standing = await _standing(database)
    assert (standing.failures, standing.parked, standing.last_error) == (0, 0, "")
    assert receiver.effects == [("north", 1)]


def test_the_wait_ends_at_five_minutes() -> None:
    assert [backoff(n).total_seconds() for n in (1, 2, 3, 9, 10, 1000)] == [1, 2, 4, 256, 300, 300]


async def test_outages_never_park_an_event(
    relay: Relay, receiver: Receiver, database: Database, clock: Clock
) -> None:
    receiver.down = True
    await write(database, "north")
    await relay.drain()
    for _ in range(3 * PATIENCE):
        clock.pass_by(minutes=5)
        await relay.step("paint")
    receiver.down, receiver.refuses = False, {"north"}
    clock.pass_by(minutes=5)

    await relay.step("paint")

    assert (await _standing(database)).parked == 0, "one refusal after many outages is still the first"


async def test_two_relays_at_once_share_the_work(
    database: Database, receiver: Receiver, clock: Clock
) -> None:
    relays = [
        Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED) for _ in range(2)
    ]
    for version in range(120):
        await write(database, f"wall-{version % 3}", version)
    await relays[0].drain()
    for version in range(120, 240):
        await write(database, f"wall-{version % 3}", version)

    async def work(relay: Relay) -> None:
        for _ in range(40):
            await relay.step("paint")
            await asyncio.sleep(0)

    await asyncio.gather(*map(work, relays))

    assert receiver.effects == [(f"wall-{version % 3}", version) for version in range(240)]
    assert len(receiver.copies) == 240, "the lease keeps the second relay away"


async def test_a_relay_whose_lease_ran_out_cannot_move_the_cursor_back(
    database: Database, receiver: Receiver, clock: Clock
) -> None:
    going, gone_on = asyncio.Event(), asyncio.Event()

    async def slow(subscriber: str, envelopes: list[Envelope]) -> Outcome:
        going.set()
        await gone_on.wait()
        await receiver(subscriber, envelopes)
        return Outcome(1, "lost heart", refused=True)

    stale = Relay(database, "walls", slow, clock, to=("paint",), topics=lambda _: WANTED)
    fresh = Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED)
    await fresh.drain()
    for version in range(3):
        await write(database, "north", version)
    late = asyncio.create_task(stale.step("paint"))
    await going.wait()
    clock.pass_by(seconds=LEASE.total_seconds() + 1)
    assert await fresh.step("paint") == 3
    gone_on.set()
    await late

    standing = await _standing(database)
    assert (standing.waiting, standing.failures, standing.parked) == (0, 0, 0)
    assert receiver.effects == [("north", version) for version in range(3)]


async def test_the_relay_in_the_background_delivers_at_once_when_told(
    database: Database, receiver: Receiver, clock: Clock
) -> None:
    changed = asyncio.Event()
    relay = Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED, changed=changed)
    running = asyncio.create_task(relay.run())
    try:
        await asyncio.sleep(0.2)
        await write(database, "north")
        changed.set()
        await asyncio.wait_for(receiver.got_something.wait(), 0.6)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await receiver.received() == 1


async def test_the_relay_in_the_background_finds_what_another_process_wrote(
    database: Database, receiver: Receiver, clock: Clock
) -> None:
    relay = Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED)
    running = asyncio.create_task(relay.run())
    try:
        await asyncio.sleep(0.2)
        await write(database, "north")
        await asyncio.wait_for(receiver.got_something.wait(), 5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
