"""Database layer for SQLite and PostgreSQL: engines, sessions, column types, bulk statements, search, migrations."""

from shared.db.bulk_sql import bulk_upsert, in_list, values_table
from shared.db.engine import (
    JSON,
    NAMING_CONVENTION,
    BigSerial,
    Database,
    Record,
    async_url,
    execute_core,
    sync_url,
    text_enum,
    to_api_error,
)
from shared.db.search import tokenize
from shared.db.tables import (
    SHARED_METADATA,
    answer,
    copy_shared_tables_into,
    dead_letter,
    event_log,
    file,
    inbox,
    log_cursor,
    log_seal,
    notice,
    objection,
    rule,
    webhook,
)
from shared.db.uuid7 import new_id, timestamp_ms

__all__ = [
    "JSON",
    "NAMING_CONVENTION",
    "SHARED_METADATA",
    "BigSerial",
    "Database",
    "Record",
    "answer",
    "async_url",
    "bulk_upsert",
    "copy_shared_tables_into",
    "dead_letter",
    "event_log",
    "execute_core",
    "file",
    "in_list",
    "inbox",
    "log_cursor",
    "log_seal",
    "new_id",
    "notice",
    "objection",
    "rule",
    "sync_url",
    "text_enum",
    "timestamp_ms",
    "to_api_error",
    "tokenize",
    "values_table",
    "webhook",
]
