"""An event takes effect once and wholly, or not at all, however often and in whatever company it comes."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from shared.cursors import list_dead
from shared.db import Database
from shared.errors import Conflict, Unavailable
from shared.events import Envelope, Event
from shared.inbox import Handler, Receipt, kind_of, receive, routes
from shared.log import publish
from shared.relay import PATIENCE, Outcome, Relay
from shared.work import Work
from tests.shared.log_world import Built, Clock, Painted, context_of, rows_of, write

TOPICS = ("wall.built", "wall.painted")


class Grew(Event):
    """What the receiver does: it notes the new height."""

    topic: ClassVar[str] = "tower.grew"
    height: int


async def grow(work: Work, envelope: Envelope, event: Built) -> None:
    grew = Grew(height=event.height)
    await publish(
        work.session,
        grew,
        actor=work.actor,
        subject=envelope.subject,
        version=envelope.subject_version,
        region=envelope.region,
        at=work.at,
    )


async def grow_unless_odd(work: Work, envelope: Envelope, event: Built) -> None:
    await grow(work, envelope, event)
    if envelope.subject_version % 2:
        message, english = "奇数层不收", "No odd floors"
        raise Conflict(message, english)


async def grow_and_fail(work: Work, envelope: Envelope, event: Built) -> None:
    await grow(work, envelope, event)
    raise ZeroDivisionError


async def grow_later(work: Work, envelope: Envelope, event: Built) -> None:
    await grow(work, envelope, event)
    message = "项目库暂时联系不上"
    raise Unavailable(message)


class Post:
    """Delivery to a service's `receive`, keeping the copies that were sent."""

    def __init__(self, database: Database, handlers: Mapping[str, Handler]) -> None:
        self.context = context_of(database, Clock(), "towers")
        self.handlers = handlers
        self.sent: list[Envelope] = []

    async def __call__(self, _subscriber: str, envelopes: list[Envelope]) -> Outcome:
        self.sent += envelopes
        receipt = await self.receive(*envelopes)
        if receipt.stopped is None:
            return Outcome(receipt.received)
        return Outcome(
            receipt.received, receipt.stopped.detail, refused=receipt.stopped.status != Unavailable.status
        )

    async def receive(self, *envelopes: Envelope) -> Receipt:
        return await receive(self.context, list(envelopes), self.handlers)


def _to(database: Database, post: Post) -> Relay:
    return Relay(database, "walls", post, Clock(), to=("towers",), topics=lambda _: TOPICS)


async def _floors(database: Database) -> list[tuple[str, int]]:
    return [(row.subject, row.subject_version) for row in await rows_of(database)]


async def test_repeated_deliveries_have_one_effect(database: Database, other_database: Database) -> None:
    post = Post(other_database, {"wall.built": grow})
    for version in range(4):
        await write(database, "north", version)
    await _to(database, post).drain()

    again = await post.receive(*post.sent)
    backwards = await post.receive(*reversed(post.sent))

    assert again == backwards == Receipt(received=4)
    assert await _floors(other_database) == [("north", version) for version in range(4)]


async def test_copies_that_arrive_at_the_same_moment_have_one_effect(
    database: Database, other_database: Database
) -> None:
    post = Post(other_database, {})
    for version in range(6):
        await write(database, "north", version)
    await _to(database, post).drain()
    post.handlers = {"wall.built": grow}

    receipts = await asyncio.gather(*(post.receive(*post.sent) for _ in range(5)))

    assert receipts == [Receipt(received=6)] * 5
    assert await _floors(other_database) == [("north", version) for version in range(6)]


async def test_topics_without_a_handler_count_as_received(
    database: Database, other_database: Database
) -> None:
    post = Post(other_database, {"wall.built": grow})
    await write(database, "north", 1, Painted())
    await write(database, "north", 2)

    assert await _to(database, post).drain() == 2

    assert await _floors(other_database) == [("north", 2)]


async def test_a_refusal_stops_the_batch_and_leaves_no_trace_of_its_event(
    database: Database, other_database: Database
) -> None:
    post = Post(other_database, {"wall.built": grow_unless_odd})
    for version in (0, 2, 3, 4):
        await write(database, "north", version)
    await _to(database, post).drain()

    receipt = await post.receive(*post.sent[:4])

    assert receipt.received == 2
    assert receipt.stopped is not None
    assert receipt.stopped.model_dump() == {
        "event": str(post.sent[2].id),
        "status": 409,
        "detail": "奇数层不收",
    }
    assert await _floors(other_database) == [("north", 0), ("north", 2)]


async def test_a_bug_in_a_handler_parks_the_event_and_the_others_go_on(
    database: Database, other_database: Database
) -> None:
    post = Post(other_database, {"wall.built": grow_and_fail})
    await write(database, "north")
    relay = _to(database, post)

    for _ in range(PATIENCE):
        await relay.drain()

    async with database.read() as session:
        (dead,) = await list_dead(session, "towers")
    assert dead.error == "ZeroDivisionError: "
    assert await _floors(other_database) == []


async def test_a_handler_that_lacks_another_service_is_asked_again_for_ever(
    database: Database, other_database: Database
) -> None:
    post = Post(other_database, {"wall.built": grow_later})
    await write(database, "north")
    relay = _to(database, post)

    for _ in range(2 * PATIENCE):
        await relay.drain()
    post.handlers = {"wall.built": grow}
    await relay.drain()

    assert await _floors(other_database) == [("north", 1)]


async def test_an_event_that_cannot_be_read_is_a_refusal(
    database: Database, other_database: Database
) -> None:
    class Odd(Event):
        topic: ClassVar[str] = "wall.built"
        height: str = "very"

    post = Post(other_database, {"wall.built": grow})
    await write(database, "north", 1, Odd())
    await _to(database, post).drain()

    receipt = await post.receive(*post.sent[:1])

    assert receipt.stopped is not None
    assert receipt.stopped.status == 409
    assert await _floors(other_database) == []


async def _untyped(work: Work, envelope: Envelope, event: Any) -> None: ...


async def _short(work: Work, envelope: Envelope) -> None: ...


@pytest.mark.parametrize("handler", [_untyped, _short, grow])
def test_a_handler_of_another_shape_is_found_at_start(handler: Handler) -> None:
    with pytest.raises(TypeError, match=r"wall\.painted"):
        routes({"wall.painted": handler})


def test_a_handler_says_which_class_it_reads() -> None:
    assert kind_of("wall.built", grow) is Built
