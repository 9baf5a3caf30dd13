"""Creating and saving records together with their events, and running totals kept beside them."""

from shared.records.create import content_digest, create_record
from shared.records.running_totals import TotalSpec, previous_values
from shared.records.save import insert_record, log_event, log_events, save_record, touch_record

__all__ = [
    "TotalSpec",
    "content_digest",
    "create_record",
    "insert_record",
    "log_event",
    "log_events",
    "previous_values",
    "save_record",
    "touch_record",
]
