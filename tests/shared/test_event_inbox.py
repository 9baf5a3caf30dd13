"""An event takes effect once and wholly, or not at all, however often and in whatever company it comes."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from shared.db import Database
from shared.errors import Conflict, Unavailable
from shared.events import MAX_REFUSALS, DeliveryOutcome, Envelope, Event, Relay, list_dead_letters, publish
from shared.events.inbox import (
    DeliveryReceipt,
    EventHandler,
    handle_envelopes,
    inbox_router,
    resolve_event_class,
)
from shared.unit_of_work import UnitOfWork
from tests.shared.factories_events import (
    CallableClock,
    WallBuilt,
    WallPainted,
    build_context,
    list_log_rows,
    publish_wall_event,
)

TOPICS = ("wall.built", "wall.painted")


class TowerGrew(Event):
    """What the receiver does: it notes the new height."""

    topic: ClassVar[str] = "tower.grew"
    height: int


async def publish_growth(work: UnitOfWork, envelope: Envelope, event: WallBuilt) -> None:
    grew = TowerGrew(height=event.height)
    await publish(
        work.session,
        grew,
        actor=work.actor,
        subject=envelope.subject,
        version=envelope.subject_version,
        region=envelope.region,
        at=work.at,
    )


async def refuse_odd_versions(work: UnitOfWork, envelope: Envelope, event: WallBuilt) -> None:
    await publish_growth(work, envelope, event)
    if envelope.subject_version % 2:
        message, english = "奇数层不收", "No odd floors"
        raise Conflict(message, english)


async def publish_growth_and_fail(work: UnitOfWork, envelope: Envelope, event: WallBuilt) -> None:
    await publish_growth(work, envelope, event)
    raise ZeroDivisionError


async def publish_growth_unavailable(work: UnitOfWork, envelope: Envelope, event: WallBuilt) -> None:
    await publish_growth(work, envelope, event)
    message = "项目库暂时联系不上"
    raise Unavailable(message)


class InboxDelivery:
    """Delivery to a service's `receive`, keeping the copies that were sent."""

    def __init__(self, database: Database, handlers: Mapping[str, EventHandler]) -> None:
        self.context = build_context(database, CallableClock(), "towers")
        self.handlers = handlers
        self.sent_envelopes: list[Envelope] = []

    async def __call__(self, _subscriber: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        self.sent_envelopes += envelopes
        receipt = await self.receive_envelopes(*envelopes)
        if receipt.stopped is None:
            return DeliveryOutcome(receipt.received)
        return DeliveryOutcome(
            receipt.received, receipt.stopped.detail, refused=receipt.stopped.status != Unavailable.status
        )

    async def receive_envelopes(self, *envelopes: Envelope) -> DeliveryReceipt:
        return await handle_envelopes(self.context, list(envelopes), self.handlers)


def _relay_to(database: Database, post: InboxDelivery) -> Relay:
    return Relay(database, "walls", post, CallableClock(), to=("towers",), topics=lambda _: TOPICS)


async def _list_floors(database: Database) -> list[tuple[str, int]]:
    return [(row.subject, row.subject_version) for row in await list_log_rows(database)]


async def test_repeated_deliveries_have_one_effect(database: Database, other_database: Database) -> None:
    post = InboxDelivery(other_database, {"wall.built": publish_growth})
    for version in range(4):
        await publish_wall_event(database, "north", version)
    await _relay_to(database, post).drain()

    again = await post.receive_envelopes(*post.sent_envelopes)
    backwards = await post.receive_envelopes(*reversed(post.sent_envelopes))

    assert again == backwards == DeliveryReceipt(received=4)
    assert await _list_floors(other_database) == [("north", version) for version in range(4)]


async def test_copies_that_arrive_at_the_same_moment_have_one_effect(
    database: Database, other_database: Database
) -> None:
    post = InboxDelivery(other_database, {})
    for version in range(6):
        await publish_wall_event(database, "north", version)
    await _relay_to(database, post).drain()
    post.handlers = {"wall.built": publish_growth}

    receipts = await asyncio.gather(*(post.receive_envelopes(*post.sent_envelopes) for _ in range(5)))

    assert receipts == [DeliveryReceipt(received=6)] * 5
    assert await _list_floors(other_database) == [("north", version) for version in range(6)]


async def test_topics_without_a_handler_count_as_received(
    database: Database, other_database: Database
) -> None:
    post = InboxDelivery(other_database, {"wall.built": publish_growth})
    await publish_wall_event(database, "north", 1, WallPainted())
    await publish_wall_event(database, "north", 2)

    assert await _relay_to(database, post).drain() == 2

    assert await _list_floors(other_database) == [("north", 2)]


async def test_a_refusal_stops_the_batch_and_leaves_no_trace_of_its_event(
    database: Database, other_database: Database
) -> None:
    post = InboxDelivery(other_database, {"wall.built": refuse_odd_versions})
    for version in (0, 2, 3, 4):
        await publish_wall_event(database, "north", version)
    await _relay_to(database, post).drain()

    receipt = await post.receive_envelopes(*post.sent_envelopes[:4])

    assert receipt.received == 2
    assert receipt.stopped is not None
    assert receipt.stopped.model_dump() == {
        "event": str(post.sent_envelopes[2].id),
        "status": 409,
        "detail": "奇数层不收",
    }
    assert await _list_floors(other_database) == [("north", 0), ("north", 2)]


async def test_a_bug_in_a_handler_parks_the_event_and_the_others_go_on(
    database: Database, other_database: Database
) -> None:
    post = InboxDelivery(other_database, {"wall.built": publish_growth_and_fail})
    await publish_wall_event(database, "north")
    relay = _relay_to(database, post)

    for _ in range(MAX_REFUSALS):
        await relay.drain()

    async with database.read() as session:
        (dead,) = await list_dead_letters(session, "towers")
    assert dead.error == "ZeroDivisionError: "
    assert await _list_floors(other_database) == []


async def test_a_handler_that_lacks_another_service_is_asked_again_for_ever(
    database: Database, other_database: Database
) -> None:
    post = InboxDelivery(other_database, {"wall.built": publish_growth_unavailable})
    await publish_wall_event(database, "north")
    relay = _relay_to(database, post)

    for _ in range(2 * MAX_REFUSALS):
        await relay.drain()
    post.handlers = {"wall.built": publish_growth}
    await relay.drain()

    assert await _list_floors(other_database) == [("north", 1)]


async def test_an_event_that_cannot_be_read_is_a_refusal(
    database: Database, other_database: Database
) -> None:
    class Odd(Event):
        topic: ClassVar[str] = "wall.built"
        height: str = "very"

    post = InboxDelivery(other_database, {"wall.built": publish_growth})
    await publish_wall_event(database, "north", 1, Odd())
    await _relay_to(database, post).drain()

    receipt = await post.receive_envelopes(*post.sent_envelopes[:1])

    assert receipt.stopped is not None
    assert receipt.stopped.status == 409
    assert await _list_floors(other_database) == []


async def _untyped_handler(work: UnitOfWork, envelope: Envelope, event: Any) -> None: ...


async def _short_handler(work: UnitOfWork, envelope: Envelope) -> None: ...


@pytest.mark.parametrize("handler", [_untyped_handler, _short_handler, publish_growth])
def test_a_handler_of_another_shape_is_found_at_start(handler: EventHandler) -> None:
    with pytest.raises(TypeError, match=r"wall\.painted"):
        inbox_router({"wall.painted": handler})


def test_a_handler_says_which_class_it_reads() -> None:
    assert resolve_event_class("wall.built", publish_growth) is WallBuilt
