"""Record kinds and their worklist; creating and saving records together with their events; running totals kept beside them."""

from shared.records.changes import (
    ChangedRecord,
    ChangesRequest,
    GoneRecord,
    ServiceChanges,
    StateHash,
    SyncState,
)
from shared.records.create import content_digest, create_record
from shared.records.kept_answers import keep_page
from shared.records.kind_routes import BoundKind, bind_kinds, list_get_addresses
from shared.records.kinds import Act, Part, RecordKind, Shortcut, Todo, turn
from shared.records.running_totals import TotalSpec, previous_values
from shared.records.save import insert_record, log_event, log_events, save_record, touch_record
from shared.records.worklist import TimeLimits, WorklistItem, count_items, list_items, load_limits

__all__ = [
    "Act",
    "BoundKind",
    "ChangedRecord",
    "ChangesRequest",
    "GoneRecord",
    "Part",
    "RecordKind",
    "ServiceChanges",
    "Shortcut",
    "StateHash",
    "SyncState",
    "TimeLimits",
    "Todo",
    "TotalSpec",
    "WorklistItem",
    "bind_kinds",
    "content_digest",
    "count_items",
    "create_record",
    "insert_record",
    "keep_page",
    "list_get_addresses",
    "list_items",
    "load_limits",
    "log_event",
    "log_events",
    "previous_values",
    "save_record",
    "touch_record",
    "turn",
]
