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

from shared.auth import May
from shared.db import execute_core, inbox
from shared.errors import ApiError, Conflict, Unavailable
from shared.events.event import Envelope, Event
from shared.events.outbox_cursors import insert_once
from shared.events.outbox_relay import RELAY_BATCH_EVENTS, Deliverer, DeliveryOutcome, Relay
from shared.http import get_service_context, requires
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

MAX_DELIVERY_BYTES = 8 * 1024 * 1024
"""Body limit in bytes of one delivery."""
UNEXPECTED_ERROR_STATUS = 500
log = structlog.get_logger("inbox")


class EventHandler(Protocol):
    """What a service does when it is told of an event; the annotation of `event` is the class it is read as."""

    async def __call__(self, work: UnitOfWork, envelope: Envelope, event: Any, /) -> None:  # noqa: ANN401 - an Event's subclass
        """Change what must change, within the work's transaction."""


class DeliveryStop(BaseModel):
    """Why a delivery stopped: the event, and the problem its handler had."""

    event: str
    status: int = Field(description="503: try again later; otherwise the event itself was refused")
    detail: str


class DeliveryReceipt(BaseModel):
    """How far a delivery got: so many events from the front are done with, for good."""

    received: int
    stopped: DeliveryStop | None = None


async def mark_received(session: AsyncSession, envelope: Envelope, at: datetime) -> bool:
    """Whether this event takes effect now; False when it did before. Belongs into the handler's own transaction."""
    row = {"event_id": envelope.id, "service": envelope.service, "type": envelope.type, "received_at": at}
    return (await execute_core(session, insert_once(session, inbox, row))).first() is not None


def resolve_event_class(topic: str, handler: EventHandler) -> type[Event]:
    """The class a handler reads its event as; a TypeError at start when it names none, or one of another topic."""
    names = list(signature(handler).parameters)
    kind = get_type_hints(handler).get(names[2]) if len(names) > 2 else None  # noqa: PLR2004 - work, envelope, event
    if not (isinstance(kind, type) and issubclass(kind, Event) and kind.topic == topic):
        message = f"the handler of {topic} must take (work, envelope, event: <the Event of this topic>)"
        raise TypeError(message)
    return kind


async def handle_envelopes(
    context: ServiceContext, envelopes: list[Envelope], handlers: Mapping[str, EventHandler]
) -> DeliveryReceipt:
    """Handle events in the given order, up to the first that cannot be; topics without a handler count as handled."""
    for place, envelope in enumerate(envelopes):
        handler = handlers.get(envelope.type)
        if handler is None:
            continue
        try:
            async with context.database.write() as session:
                work = context.unit_of_work(session)
                if await mark_received(session, envelope, work.at):
                    event = resolve_event_class(envelope.type, handler).model_validate(envelope.after)
                    await handler(work, envelope, event)
            context.changed.set()
        except ApiError as refusal:
            return _stopped_receipt(place, envelope, refusal.status, refusal.detail)
        except ValidationError as error:
            return _stopped_receipt(place, envelope, Conflict.status, str(error))
        except Exception as error:
            log.exception(
                "event handler failed", service=context.name, type=envelope.type, event_id=str(envelope.id)
            )
            return _stopped_receipt(
                place, envelope, UNEXPECTED_ERROR_STATUS, f"{type(error).__name__}: {error}"
            )
    return DeliveryReceipt(received=len(envelopes))


def _stopped_receipt(place: int, envelope: Envelope, status: int, detail: str) -> DeliveryReceipt:
    return DeliveryReceipt(
        received=place, stopped=DeliveryStop(event=str(envelope.id), status=status, detail=detail)
    )


def inbox_router(handlers: Mapping[str, EventHandler]) -> APIRouter:
    """The door at which relays deliver."""
    for topic, handler in handlers.items():
        resolve_event_class(topic, handler)
    router = APIRouter(prefix="/internal", tags=["事件"])

    @router.post("/events", **requires(May.EVENT_DELIVER, body=MAX_DELIVERY_BYTES))
    async def deliver(
        request: Request, envelopes: Annotated[list[Envelope], Body(max_length=RELAY_BATCH_EVENTS)]
    ) -> DeliveryReceipt:
        """Take a batch of another service's events."""
        return await handle_envelopes(get_service_context(request), envelopes, handlers)

    return router


def create_deliverer(context: ServiceContext) -> Deliverer:
    """Delivery over the wire, in the service's own name."""

    async def post(subscriber: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        peer = ServiceClient(context, subscriber, context.service_actor(), context.clock())
        try:
            answer = await peer.request(
                "POST", "/internal/events", json=[e.model_dump(mode="json") for e in envelopes]
            )
        except ApiError as refusal:
            # The receiver is away or does not know us: nothing is wrong with the event.
            return DeliveryOutcome(0, refusal.detail_en)
        receipt = DeliveryReceipt.model_validate(answer)
        if receipt.stopped is None:
            return DeliveryOutcome(receipt.received)
        refused = receipt.stopped.status != Unavailable.status
        return DeliveryOutcome(receipt.received, receipt.stopped.detail, refused=refused)

    return post


def create_relay(context: ServiceContext) -> Relay:
    """The relay that carries a service's events to the services that are told of them."""
    return Relay(
        context.database, context.name, create_deliverer(context), context.clock, changed=context.changed
    )
