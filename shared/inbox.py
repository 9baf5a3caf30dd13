"""Both ends of a delivery: how envelopes are posted to a service, and how they take effect there exactly once.

Each event is handled in a transaction of its own, with its inbox row: a repeated or late copy finds the row and does
nothing. Handling stops at the first event that cannot be handled, and the receipt says how far it got.
"""

from collections.abc import Mapping
from datetime import datetime
from inspect import signature
from typing import Annotated, Any, Protocol, get_type_hints

import structlog
from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.cursors import insert_once
from shared.db import run
from shared.errors import Conflict, Refusal, Unavailable
from shared.events import Envelope, Event
from shared.http import allows, context_of
from shared.permissions import May
from shared.relay import BATCH, Deliver, Outcome, Relay
from shared.tables import inbox
from shared.work import Context, Peer, Work

LARGEST = 8 * 1024 * 1024
"""Body limit in bytes of one delivery."""
BUG = 500
log = structlog.get_logger("inbox")


class Handler(Protocol):
    """What a service does when it is told of an event; the annotation of `event` is the class it is read as."""

    async def __call__(self, work: Work, envelope: Envelope, event: Any, /) -> None:  # noqa: ANN401 - an Event's subclass
        """Change what must change, within the work's transaction."""


class Stopped(BaseModel):
    """Why a delivery stopped: the event, and the problem its handler had."""

    event: str
    status: int = Field(description="503: try again later; otherwise the event itself was refused")
    detail: str


class Receipt(BaseModel):
    """How far a delivery got: so many events from the front are done with, for good."""

    received: int
    stopped: Stopped | None = None


async def first_time(session: AsyncSession, envelope: Envelope, at: datetime) -> bool:
    """Whether this event takes effect now; False when it did before. Belongs into the handler's own transaction."""
    row = {"event_id": envelope.id, "service": envelope.service, "type": envelope.type, "received_at": at}
    return (await run(session, insert_once(session, inbox, row))).first() is not None


def kind_of(topic: str, handler: Handler) -> type[Event]:
    """The class a handler reads its event as; a TypeError at start when it names none, or one of another topic."""
    names = list(signature(handler).parameters)
    kind = get_type_hints(handler).get(names[2]) if len(names) > 2 else None  # noqa: PLR2004 - work, envelope, event
    if not (isinstance(kind, type) and issubclass(kind, Event) and kind.topic == topic):
        message = f"the handler of {topic} must take (work, envelope, event: <the Event of this topic>)"
        raise TypeError(message)
    return kind


async def receive(context: Context, envelopes: list[Envelope], handlers: Mapping[str, Handler]) -> Receipt:
    """Handle events in the given order, up to the first that cannot be; topics without a handler count as handled."""
    for place, envelope in enumerate(envelopes):
        handler = handlers.get(envelope.type)
        if handler is None:
            continue
        try:
            async with context.database.write() as session:
                work = context.work(session)
                if await first_time(session, envelope, work.at):
                    event = kind_of(envelope.type, handler).model_validate(envelope.after)
                    await handler(work, envelope, event)
            context.changed.set()
        except Refusal as refusal:
            return _receipt(place, envelope, refusal.status, refusal.detail)
        except ValidationError as error:
            return _receipt(place, envelope, Conflict.status, str(error))
        except Exception as error:
            log.exception(
                "event handler failed", service=context.name, type=envelope.type, event_id=str(envelope.id)
            )
            return _receipt(place, envelope, BUG, f"{type(error).__name__}: {error}")
    return Receipt(received=len(envelopes))


def _receipt(place: int, envelope: Envelope, status: int, detail: str) -> Receipt:
    return Receipt(received=place, stopped=Stopped(event=str(envelope.id), status=status, detail=detail))


def routes(handlers: Mapping[str, Handler]) -> APIRouter:
    """The door at which relays deliver."""
    for topic, handler in handlers.items():
        kind_of(topic, handler)
    router = APIRouter(prefix="/internal", tags=["事件"])

    @router.post("/events", **allows(May.EVENT_DELIVER, body=LARGEST))
    async def deliver(
        request: Request, envelopes: Annotated[list[Envelope], Body(max_length=BATCH)]
    ) -> Receipt:
        """Take a batch of another service's events."""
        return await receive(context_of(request), envelopes, handlers)

    return router


def sender(context: Context) -> Deliver:
    """Delivery over the wire, in the service's own name."""

    async def post(subscriber: str, envelopes: list[Envelope]) -> Outcome:
        peer = Peer(context, subscriber, context.itself(), context.clock())
        try:
            answer = await peer.ask(
                "POST", "/internal/events", json=[e.model_dump(mode="json") for e in envelopes]
            )
        except Refusal as refusal:
            # The receiver is away or does not know us: nothing is wrong with the event.
            return Outcome(0, refusal.detail_en)
        receipt = Receipt.model_validate(answer)
        if receipt.stopped is None:
            return Outcome(receipt.received)
        refused = receipt.stopped.status != Unavailable.status
        return Outcome(receipt.received, receipt.stopped.detail, refused=refused)

    return post


def relay_of(context: Context) -> Relay:
    """The relay that carries a service's events to the services that are told of them."""
    return Relay(context.database, context.name, sender(context), context.clock, changed=context.changed)
