"""What lies on the disk of a service: looked through for words that must not be there."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shared.db import Database, run
from shared.migrate import base_of
from shared.work import Context


async def traces(context: Context, *words: str) -> list[str]:
    """Where any of the words is kept in clear: tables and columns, and on SQLite the files themselves."""
    database: Database = context.database
    found = []
    async with database.read() as session:
        for table in base_of(context.name).metadata.sorted_tables:
            for row in (await run(session, sa.select(table))).mappings():
                found += [
                    f"{table.name}.{name}"
                    for name, value in row.items()
                    if any(word in _text(value) for word in words)
                ]
    if database.dialect == "sqlite":
        kept = Path(str(database.writer.url.database))
        for path in kept.parent.glob(f"{kept.name}*"):  # the write-ahead log too
            content = path.read_bytes()
            found += [path.name for word in words if word.encode() in content]
    return found


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
