"""The event log of a service and what reads it: outbox relay, inbox, feed, webhooks, audit log."""

from shared.events.epoch import (
    CURRENT_TX_SQL,
    LOG_START,
    Cursor,
    Epoch,
    current_epoch_name,
    current_tx,
    get_epoch,
)
from shared.events.event import Envelope, Event, Instant
from shared.events.log import (
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
    resolve_cursor,
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
from shared.events.subscriptions import SUBSCRIBERS
from shared.events.topics import topics_for

__all__ = [
    "CURRENT_TX_SQL",
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
    "Epoch",
    "Event",
    "EventRecord",
    "Instant",
    "Relay",
    "SubscriberCursor",
    "after_cursor",
    "backoff_delay",
    "current_epoch_name",
    "current_tx",
    "format_cursor",
    "get_epoch",
    "insert_once",
    "is_visible",
    "last_visible_cursor",
    "list_after_cursor",
    "list_dead_letters",
    "list_history",
    "parse_cursor",
    "publish",
    "publish_many",
    "resolve_cursor",
    "serialize_columns",
    "serialize_event",
    "serialize_value",
    "to_envelope",
    "topics_for",
]
