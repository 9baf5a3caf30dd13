"""Idempotent creation of records with client-generated ids, and running totals."""

from shared.records.create import content_digest, create_record
from shared.records.running_totals import TotalSpec, previous_values

__all__ = [
    "TotalSpec",
    "content_digest",
    "create_record",
    "previous_values",
]
