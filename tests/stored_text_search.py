"""What lies on the disk of a service: looked through for words that must not be there."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shared.db import Database, execute_core
from shared.db.migrate import load_base
from shared.unit_of_work import ServiceContext


async def find_clear_text(context: ServiceContext, *words: str) -> list[str]:
    """Where any of the words is kept in clear: tables and columns, and on SQLite the files themselves."""
    database: Database = context.database
    found = []
    async with database.read() as session:
        for table in load_base(context.name).metadata.sorted_tables:
            for row in (await execute_core(session, sa.select(table))).mappings():
                found += [
                    f"{table.name}.{name}"
                    for name, value in row.items()
                    if any(word in _to_text(value) for word in words)
                ]
    if database.dialect == "sqlite":
        kept = Path(str(database.writer.url.database))
        for path in kept.parent.glob(f"{kept.name}*"):  # the write-ahead log too
            content = path.read_bytes()
            found += [path.name for word in words if word.encode() in content]
    return found


def _to_text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
