"""What a piece of work asks of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from shared.db import Database


@contextmanager
def watch_statements(database: Database) -> Iterator[list[tuple[str, str, int]]]:
    """Each statement with its parameters as text and the number of rows that it read."""
    seen: list[tuple[str, str, int]] = []

    def note(_connection: object, cursor: Any, text: str, given: Any, *_more: object) -> None:
        rows = len(cursor._rows) if text.lstrip().upper().startswith("SELECT") else 0
        seen.append((text, str(given).replace("-", ""), rows))

    engines = {database.writer.sync_engine, database.reader.sync_engine}
    for engine in engines:
        sa.event.listen(engine, "after_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            sa.event.remove(engine, "after_cursor_execute", note)
