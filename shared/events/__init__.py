"""The event log of a service and what reads it: outbox relay, inbox, feed, webhooks, audit log."""

from shared.events.event import Envelope, Event, Instant
from shared.events.log import (
    LOG_START,
    Cursor,
    EventRecord,
    after_cursor,
    format_cursor,
    is_visible,
    last_visible_cursor,
    list_after_cursor,
    list_history,
    parse_cursor,
    publish,
    publish_many,
    to_envelope,
)
from shared.events.outbox_cursors import (
    CursorRead,
    CursorUpdate,
    DeadLetterRead,
    SubscriberCursor,
    insert_once,
    list_dead_letters,
)
from shared.events.outbox_relay import (
    IDLE_ADVANCE_ROWS,
    LEASE_DURATION,
    MAX_REFUSALS,
    RELAY_BATCH_EVENTS,
    DeliveryOutcome,
    Relay,
    backoff_delay,
)
from shared.events.serialization import serialize_columns, serialize_event, serialize_value
from shared.events.topics import SUBSCRIBERS, topics_for

__all__ = [
    "IDLE_ADVANCE_ROWS",
    "LEASE_DURATION",
    "LOG_START",
    "MAX_REFUSALS",
    "RELAY_BATCH_EVENTS",
    "SUBSCRIBERS",
    "Cursor",
    "CursorRead",
    "CursorUpdate",
    "DeadLetterRead",
    "DeliveryOutcome",
    "Envelope",
    "Event",
    "EventRecord",
    "Instant",
    "Relay",
    "SubscriberCursor",
    "after_cursor",
    "backoff_delay",
    "format_cursor",
    "insert_once",
    "is_visible",
    "last_visible_cursor",
    "list_after_cursor",
    "list_dead_letters",
    "list_history",
    "parse_cursor",
    "publish",
    "publish_many",
    "serialize_columns",
    "serialize_event",
    "serialize_value",
    "to_envelope",
    "topics_for",
]
