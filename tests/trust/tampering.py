"""Changes behind the back of the system: statements of somebody who owns the database and lifts its triggers first."""

import sqlalchemy as sa

from shared.db import Database, execute_core


async def tamper(database: Database, *statements: sa.Executable) -> None:
    """Execute statements with the triggers of the database out of force, as its owner can."""
    async with database.write() as session:
        if database.dialect == "postgresql":
            await execute_core(session, sa.text("SET LOCAL session_replication_role = replica"))
        else:
            query = sa.text("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            triggers = list(await execute_core(session, query))
            for trigger in triggers:
                await execute_core(session, sa.text(f"DROP TRIGGER {trigger.name}"))
        for statement in statements:
            await execute_core(session, statement)
        if database.dialect == "sqlite":
            connection = await session.connection()
            for trigger in triggers:
                await connection.exec_driver_sql(trigger.sql)
