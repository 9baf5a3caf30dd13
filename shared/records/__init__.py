"""Creating records with client-made ids, and running totals kept beside them."""

from shared.records.create import content_digest, create_record
from shared.records.running_totals import TotalSpec, previous_values

__all__ = [
    "TotalSpec",
    "content_digest",
    "create_record",
    "previous_values",
]
