"""Every event reaches every subscriber, once in effect, in order per subject, whatever fails."""

import asyncio
from contextlib import suppress

import pytest

from shared.db import Database
from shared.errors import Unavailable
from shared.events import (
    IDLE_ADVANCE_ROWS,
    LEASE_DURATION,
    MAX_REFUSALS,
    RELAY_BATCH_EVENTS,
    DeliveryOutcome,
    Envelope,
    Relay,
    backoff_delay,
    outbox_cursors,
)
from tests.shared.factories_events import CallableClock, WallPainted, WallReceiver, publish_wall_event

WANTED_TOPICS = ("wall.built",)


@pytest.fixture
def clock() -> CallableClock:
    return CallableClock()


async def _get_cursor_status(database: Database) -> outbox_cursors.CursorRead:
    async with database.read() as session:
        (found,) = await outbox_cursors.list_cursors(session, lambda _: WANTED_TOPICS)
    return found


async def test_events_arrive_in_the_order_they_happened(
    relay: Relay, receiver: WallReceiver, database: Database
) -> None:
    for version in range(1, 4):
        for subject in ("north", "south"):
            await publish_wall_event(database, subject, version)

    assert await relay.drain() == 6

    assert receiver.effects == [(s, v) for v in (1, 2, 3) for s in ("north", "south")]


async def test_more_events_than_one_batch_all_arrive(
    relay: Relay, receiver: WallReceiver, database: Database
) -> None:
    for version in range(2 * RELAY_BATCH_EVENTS + 3):
        await publish_wall_event(database, "north", version)

    assert await relay.drain() == 2 * RELAY_BATCH_EVENTS + 3

    assert receiver.effects == [("north", version) for version in range(2 * RELAY_BATCH_EVENTS + 3)]


async def test_topics_nobody_asked_for_are_passed_over(
    relay: Relay, receiver: WallReceiver, database: Database
) -> None:
    await publish_wall_event(database, "north", 1, WallPainted())
    await publish_wall_event(database, "north", 2)
    await publish_wall_event(database, "north", 3, WallPainted())

    assert await relay.drain() == 1

    assert receiver.effects == [("north", 2)]


async def test_a_long_stretch_of_other_topics_is_passed_once(
    relay: Relay, database: Database, receiver: WallReceiver
) -> None:
    for version in range(IDLE_ADVANCE_ROWS + 1):
        await publish_wall_event(database, "north", version, WallPainted())
    await relay.drain()

    before = (await _get_cursor_status(database)).cursor
    await publish_wall_event(database, "north", 0)
    await relay.drain()

    assert before != "0.0"
    assert receiver.effects == [("north", 0)]


async def test_a_process_that_dies_after_the_post_delivers_again_with_one_effect(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    await publish_wall_event(database, "north")
    receiver.dies_after_effect = True
    with suppress(Unavailable):
        await relay.drain()
    receiver.dies_after_effect = False

    assert await relay.deliver_batch("paint") == 0, "the dead process still holds its lease"
    clock.advance(seconds=LEASE_DURATION.total_seconds())
    assert await relay.deliver_batch("paint") == 1

    assert receiver.copies == [("north", 1)] * 2
    assert receiver.effects == [("north", 1)]


async def test_a_receiver_that_is_down_is_waited_for_longer_each_time(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    receiver.is_down = True
    await publish_wall_event(database, "north")
    await relay.drain()
    for failures in range(1, 12):
        assert (await _get_cursor_status(database)).failures == failures
        clock.advance(seconds=backoff_delay(failures).total_seconds() - 0.1)
        assert await relay.deliver_batch("paint") == 0
        assert (await _get_cursor_status(database)).failures == failures, "it was tried too early"
        clock.advance(seconds=0.1)
        await relay.deliver_batch("paint")

    receiver.is_down = False
    clock.advance(minutes=5)
    assert await relay.deliver_batch("paint") == 1

    standing = await _get_cursor_status(database)
    assert (standing.failures, standing.parked, standing.last_error) == (0, 0, "")
    assert receiver.effects == [("north", 1)]


def test_the_wait_ends_at_five_minutes() -> None:
    assert [backoff_delay(n).total_seconds() for n in (1, 2, 3, 9, 10, 1000)] == [1, 2, 4, 256, 300, 300]


async def test_outages_never_park_an_event(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    receiver.is_down = True
    await publish_wall_event(database, "north")
    await relay.drain()
    for _ in range(3 * MAX_REFUSALS):
        clock.advance(minutes=5)
        await relay.deliver_batch("paint")
    receiver.is_down, receiver.refused_subjects = False, {"north"}
    clock.advance(minutes=5)

    await relay.deliver_batch("paint")

    assert (await _get_cursor_status(database)).parked == 0, (
        "one refusal after many outages is still the first"
    )


async def test_a_clock_that_was_ahead_holds_up_no_delivery(
    relay: Relay, receiver: WallReceiver, database: Database, clock: CallableClock
) -> None:
    """A failure noted by a clock a year ahead is not waited out when the clock is put right."""
    await publish_wall_event(database, "north")
    clock.advance(days=365)
    receiver.is_down = True
    await relay.drain()
    receiver.is_down = False
    clock.advance(days=-365)

    assert await relay.deliver_batch("paint") == 1


async def test_two_relays_at_once_share_the_work(
    database: Database, receiver: WallReceiver, clock: CallableClock
) -> None:
    relays = [
        Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED_TOPICS)
        for _ in range(2)
    ]
    for version in range(120):
        await publish_wall_event(database, f"wall-{version % 3}", version)
    await relays[0].drain()
    for version in range(120, 240):
        await publish_wall_event(database, f"wall-{version % 3}", version)

    async def work(relay: Relay) -> None:
        for _ in range(40):
            await relay.deliver_batch("paint")
            await asyncio.sleep(0)

    await asyncio.gather(*map(work, relays))

    assert receiver.effects == [(f"wall-{version % 3}", version) for version in range(240)]
    assert len(receiver.copies) == 240, "the lease keeps the second relay away"


async def test_a_relay_whose_lease_ran_out_cannot_move_the_cursor_back(
    database: Database, receiver: WallReceiver, clock: CallableClock
) -> None:
    going, gone_on = asyncio.Event(), asyncio.Event()

    async def slow(subscriber: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        going.set()
        await gone_on.wait()
        await receiver(subscriber, envelopes)
        return DeliveryOutcome(1, "lost heart", refused=True)

    stale = Relay(database, "walls", slow, clock, to=("paint",), topics=lambda _: WANTED_TOPICS)
    fresh = Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED_TOPICS)
    await fresh.drain()
    for version in range(3):
        await publish_wall_event(database, "north", version)
    late = asyncio.create_task(stale.deliver_batch("paint"))
    await going.wait()
    clock.advance(seconds=LEASE_DURATION.total_seconds() + 1)
    assert await fresh.deliver_batch("paint") == 3
    gone_on.set()
    await late

    standing = await _get_cursor_status(database)
    assert (standing.waiting, standing.failures, standing.parked) == (0, 0, 0)
    assert receiver.effects == [("north", version) for version in range(3)]


async def test_the_relay_in_the_background_delivers_at_once_when_told(
    database: Database, receiver: WallReceiver, clock: CallableClock
) -> None:
    changed = asyncio.Event()
    relay = Relay(
        database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED_TOPICS, changed=changed
    )
    running = asyncio.create_task(relay.run())
    try:
        await asyncio.sleep(0.2)
        await publish_wall_event(database, "north")
        changed.set()
        await asyncio.wait_for(receiver.event_arrived.wait(), 0.6)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await receiver.count_received() == 1


async def test_the_relay_in_the_background_finds_what_another_process_wrote(
    database: Database, receiver: WallReceiver, clock: CallableClock
) -> None:
    relay = Relay(database, "walls", receiver, clock, to=("paint",), topics=lambda _: WANTED_TOPICS)
    running = asyncio.create_task(relay.run())
    try:
        await asyncio.sleep(0.2)
        await publish_wall_event(database, "north")
        await asyncio.wait_for(receiver.event_arrived.wait(), 5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
