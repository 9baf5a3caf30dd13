"""Changes behind the back of the system: statements of somebody who owns the database and lifts its triggers first."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import Database, execute_core


class _Undo(Exception):
    pass


async def _lift_triggers(session: AsyncSession) -> list[str]:
    """Put the triggers out of force until the transaction ends; statements that bring SQLite's back."""
    if session.get_bind().dialect.name == "postgresql":
        await execute_core(session, sa.text("SET LOCAL session_replication_role = replica"))
        return []
    await execute_core(session, sa.text("PRAGMA defer_foreign_keys = ON"))
    query = sa.text("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    triggers = list(await execute_core(session, query))
    for trigger in triggers:
        await execute_core(session, sa.text(f"DROP TRIGGER {trigger.name}"))
    return [trigger.sql for trigger in triggers]


async def tamper(database: Database, *statements: sa.Executable) -> None:
    """Execute statements with the triggers of the database out of force, as its owner can."""
    async with database.write() as session:
        triggers = await _lift_triggers(session)
        for statement in statements:
            await execute_core(session, statement)
        for trigger in triggers:
            await (await session.connection()).exec_driver_sql(trigger)


@asynccontextmanager
async def tampered(database: Database, *statements: sa.Executable) -> AsyncGenerator[AsyncSession]:
    """A session that sees the database as these statements leave it; all of it is undone at the end of the block."""
    try:
        async with database.write() as session:
            await _lift_triggers(session)
            for statement in statements:
                await execute_core(session, statement)
            yield session
            raise _Undo
    except _Undo:
        pass
