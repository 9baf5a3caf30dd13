"""Both ends of a delivery: the relay's POST to a subscriber, and the inbox that handles each event exactly once.

The receiver handles each event in a transaction of its own together with its inbox row; a second copy finds the row and
has no effect. It stops at the first event that fails, and the receipt says how many succeeded.

The receiver also stores the last position it received from each service. Before its first delivery a service compares
it with its own log: a position that the log does not reach shows that the sender was restored from an older copy, and a
new epoch begins; one that lies behind delivered events shows that the receiver was restored, and they are sent again.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from inspect import signature
from typing import Annotated, Any, Protocol, get_type_hints
from uuid import UUID

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import May
from shared.db import event_log, execute_core, inbox, inbox_position
from shared.errors import ApiError, Conflict, Unavailable
from shared.events import outbox_cursors
from shared.events.epoch import (
    Cursor,
    EpochReason,
    begin_epoch,
    get_epoch,
    is_known_epoch,
)
from shared.events.event import Envelope, Event
from shared.events.log import format_cursor, parse_cursor
from shared.events.outbox_cursors import insert_once
from shared.events.outbox_relay import RELAY_BATCH_EVENTS, Deliverer, DeliveryOutcome, Relay
from shared.events.topics import list_subscribers, topics_for
from shared.http import ReadWork, get_service_context, requires
from shared.traces import EVENT_TRACES_HEADER, event_span, event_trace_headers, read_event_traces
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

MAX_DELIVERY_BYTES = 8 * 1024 * 1024
"""Body limit in bytes of one delivery."""
UNEXPECTED_ERROR_STATUS = 500
ASK_TIMEOUT_S = 2.0
"""Seconds that a start waits for its subscribers' positions; the first delivery asks those that did not answer."""
CHECKED_SUBSCRIBERS = "checked_subscribers"
"""Name in the service's memory of the set of subscribers whose position was compared."""
log = structlog.get_logger("inbox")


class EventHandler(Protocol):
    """Handles one topic; the annotation of `event` names the class that the payload is read as."""

    async def __call__(self, work: UnitOfWork, envelope: Envelope, event: Any, /) -> None:  # noqa: ANN401 - an Event's subclass
        """Apply the event within the work's transaction."""


class DeliveryStop(BaseModel):
    """The event at which a delivery stopped, and its handler's problem."""

    event: str
    status: int = Field(description="503: try again later; otherwise the event itself was refused")
    detail: str


class ReceivedPosition(BaseModel):
    """The last event that a service received from the asking one; empty when it received none."""

    cursor: str = ""
    event_id: UUID | None = None


class DeliveryReceipt(BaseModel):
    """The number of events from the front that the receiver has handled."""

    received: int
    stopped: DeliveryStop | None = None


async def mark_received(session: AsyncSession, envelope: Envelope, at: datetime) -> bool:
    """Insert the inbox row and the position in the handler's transaction; False when the event was handled before."""
    row = {"event_id": envelope.id, "service": envelope.service, "type": envelope.type, "received_at": at}
    is_new = (await execute_core(session, insert_once(session, inbox, row))).first() is not None
    if is_new:
        await _store_position(session, envelope, at)
    return is_new


async def _store_position(session: AsyncSession, envelope: Envelope, at: datetime) -> None:
    """Keep the greatest position of the sender's epoch; the cursor of a sender of v0.2.0 names no epoch."""
    epoch, (tx, seq) = parse_cursor(envelope.cursor)
    if not epoch:
        return
    postgres = session.get_bind().dialect.name == "postgresql"
    statement = (insert_postgres if postgres else insert_sqlite)(inbox_position).values(
        service=envelope.service, epoch=epoch, tx=tx, seq=seq, event_id=envelope.id, received_at=at
    )
    old, new = inbox_position.c, statement.excluded
    is_later = sa.tuple_(new.tx, new.seq) > sa.tuple_(old.tx, old.seq)
    values = {
        "epoch": new.epoch,
        "tx": new.tx,
        "seq": new.seq,
        "event_id": new.event_id,
        "received_at": new.received_at,
    }
    await execute_core(
        session,
        statement.on_conflict_do_update(
            index_elements=[old.service], set_=values, where=sa.or_(old.epoch != new.epoch, is_later)
        ),
    )


async def find_received_position(session: AsyncSession, service: str) -> ReceivedPosition:
    """The last event received from a service, its position as a cursor."""
    query = sa.select(inbox_position).where(inbox_position.c.service == service)
    row = (await execute_core(session, query)).first()
    if row is None:
        return ReceivedPosition()
    return ReceivedPosition(cursor=format_cursor(row.epoch, (row.tx, row.seq)), event_id=row.event_id)


def resolve_event_class(topic: str, handler: EventHandler) -> type[Event]:
    """The class that a handler's annotation names; TypeError when it names none, or one of another topic."""
    names = list(signature(handler).parameters)
    kind = get_type_hints(handler).get(names[2]) if len(names) > 2 else None  # noqa: PLR2004 - work, envelope, event
    if not (isinstance(kind, type) and issubclass(kind, Event) and kind.topic == topic):
        message = f"the handler of {topic} must take (work, envelope, event: <the Event of this topic>)"
        raise TypeError(message)
    return kind


async def handle_envelopes(
    context: ServiceContext,
    envelopes: list[Envelope],
    handlers: Mapping[str, EventHandler],
    traces: Mapping[str, str] | None = None,
) -> DeliveryReceipt:
    """Handle events in order up to the first failure; topics without a handler count as handled.

    `traces` are those of the requests that wrote the events, by event id.
    """
    for place, envelope in enumerate(envelopes):
        handler = handlers.get(envelope.type)
        if handler is None:
            continue
        try:
            with event_span(context.name, envelope.type, envelope.id, traces or {}):
                await _handle_once(context, envelope, handler)
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


async def _handle_once(context: ServiceContext, envelope: Envelope, handler: EventHandler) -> None:
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        if await mark_received(session, envelope, work.at):
            event = resolve_event_class(envelope.type, handler).model_validate(envelope.after)
            await handler(work, envelope, event)


def _stopped_receipt(place: int, envelope: Envelope, status: int, detail: str) -> DeliveryReceipt:
    return DeliveryReceipt(
        received=place, stopped=DeliveryStop(event=str(envelope.id), status=status, detail=detail)
    )


def inbox_router(handlers: Mapping[str, EventHandler]) -> APIRouter:
    """The internal addresses that relays of other services call."""
    for topic, handler in handlers.items():
        resolve_event_class(topic, handler)
    router = APIRouter(prefix="/internal", tags=["事件"])

    @router.post("/events", **requires(May.EVENT_DELIVER, body=MAX_DELIVERY_BYTES))
    async def deliver(
        request: Request, envelopes: Annotated[list[Envelope], Body(max_length=RELAY_BATCH_EVENTS)]
    ) -> DeliveryReceipt:
        """Receive a batch of another service's events."""
        traces = read_event_traces(request.headers.get(EVENT_TRACES_HEADER, ""))
        return await handle_envelopes(get_service_context(request), envelopes, handlers, traces)

    @router.get("/events/position", **requires(May.EVENT_DELIVER))
    async def read_position(work: ReadWork) -> ReceivedPosition:
        """Say the last position received from the calling service."""
        sender = work.actor.id.removeprefix("service:")
        return await find_received_position(work.session, sender)

    return router


async def ask_subscribers(context: ServiceContext) -> None:
    """Compare the log with the position of each subscriber that answers in time, when a service starts."""

    async def ask(subscriber: str) -> None:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await check_subscriber(context, subscriber)
        except (ApiError, TimeoutError) as error:
            log.info("position unknown", service=context.name, of=subscriber, reason=str(error))

    await asyncio.gather(*(ask(name) for name in list_subscribers(excluding=context.name)))


async def check_subscriber(context: ServiceContext, subscriber: str) -> bool:
    """Compare the log with what a subscriber received, once per process; True when that changed epoch or cursor.

    Raises Unavailable when the subscriber does not answer.
    """
    checked: set[str] = context.memory.setdefault(CHECKED_SUBSCRIBERS, set())
    if subscriber in checked:
        return False
    peer = ServiceClient(context, subscriber, context.service_actor(), context.clock())
    answer = ReceivedPosition.model_validate(await peer.get("/internal/events/position"))
    changed = bool(answer.cursor) and await _reconcile(context, subscriber, answer)
    checked.add(subscriber)
    return changed


async def _reconcile(context: ServiceContext, subscriber: str, answer: ReceivedPosition) -> bool:
    epoch_name, received = parse_cursor(answer.cursor)
    async with context.database.read() as session:
        if not await _is_lost(session, answer):
            return await _redeliver_lost(context, session, subscriber, epoch_name, received)
    async with context.database.write() as session:
        if not await _is_lost(session, answer):  # another replica was faster
            return False
        epoch = await begin_epoch(session, EpochReason.SUBSCRIBER_AHEAD, context.clock(), above=received)
    log.warning("log restored from a copy", service=context.name, witness=subscriber, epoch=epoch.name)
    return True


async def _is_lost(session: AsyncSession, answer: ReceivedPosition) -> bool:
    """Whether somebody received an event that this log does not hold, and no epoch has begun since."""
    epoch = await get_epoch(session)
    epoch_name, received = parse_cursor(answer.cursor)
    if epoch_name == epoch.name:
        log_row = event_log.c
        query = sa.select(log_row.id).where(log_row.tx == received[0], log_row.seq == received[1])
        return (await execute_core(session, query)).scalar_one_or_none() != answer.event_id
    return not await is_known_epoch(session, epoch_name) and received > epoch.after


async def _redeliver_lost(
    context: ServiceContext, session: AsyncSession, subscriber: str, epoch_name: str, received: Cursor
) -> bool:
    """Move a restored subscriber's cursor back to what it received."""
    topics = topics_for(subscriber)
    reader = await outbox_cursors.find_cursor(session, subscriber)
    if reader is None or not topics or not await is_known_epoch(session, epoch_name):
        return False
    if not await outbox_cursors.has_delivered_after(session, reader, received, topics):
        return False
    async with context.database.write() as writing:
        await outbox_cursors.rewind(writing, subscriber, received, context.clock())
    log.warning("subscriber restored from a copy", service=context.name, subscriber=subscriber)
    return True


def create_deliverer(context: ServiceContext) -> Deliverer:
    """Delivery over HTTP in the service's own name."""

    async def post(subscriber: str, envelopes: list[Envelope]) -> DeliveryOutcome:
        peer = ServiceClient(context, subscriber, context.service_actor(), context.clock())
        try:
            if await check_subscriber(context, subscriber):
                return DeliveryOutcome(0, "the log or the subscriber was restored from a copy")
            answer = await peer.request(
                "POST",
                "/internal/events",
                json=[e.model_dump(mode="json") for e in envelopes],
                headers=event_trace_headers(e.id for e in envelopes),
            )
        except ApiError as refusal:
            # The receiver is down or refuses the sender; the event is not at fault. It may come back restored.
            context.memory.setdefault(CHECKED_SUBSCRIBERS, set()).discard(subscriber)
            return DeliveryOutcome(0, refusal.detail_en)
        receipt = DeliveryReceipt.model_validate(answer)
        if receipt.stopped is None:
            return DeliveryOutcome(receipt.received)
        refused = receipt.stopped.status != Unavailable.status
        return DeliveryOutcome(receipt.received, receipt.stopped.detail, refused=refused)

    return post


def create_relay(context: ServiceContext) -> Relay:
    """The relay that delivers a service's events to the services that subscribe to them."""
    return Relay(
        context.database, context.name, create_deliverer(context), context.clock, changed=context.changed
    )
