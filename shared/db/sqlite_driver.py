"""SQLite with one change of threads a statement: execute, fetch and close run together in the connection's thread.

SQLAlchemy's adapter of aiosqlite changes threads for each of them, and a change of threads costs as much processor time as
the statement. Cursors that stream (`server_side`) stay as they are.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)


class SingleHopCursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that holds all rows of its statement when `execute` returns, and needs no closing."""

    __slots__ = ("_description", "_last_row_id", "_row_count")

    _awaitable_cursor_close = False

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection  # noqa: SLF001 - the adapter's own attribute
        self._rows: deque[Any] = deque()
        self._description: Any = None
        self._row_count = -1
        self._last_row_id: int | None = None

    @property
    def description(self) -> Any:  # noqa: ANN401 - DBAPI's sequence
        """Columns of the result; None for a statement without rows."""
        return self._description

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""
        return self._row_count

    @property
    def lastrowid(self) -> Any:  # noqa: ANN401 - SQLite's own
        """Key of the last row inserted."""
        return self._last_row_id

    def close(self) -> None:
        """Drop the rows."""
        self._rows.clear()

    async def _execute_async(self, operation: Any, parameters: Any) -> None:  # noqa: ANN401 - DBAPI's
        await self._run(lambda cursor: cursor.execute(operation, parameters or ()))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:  # noqa: ANN401 - DBAPI's
        await self._run(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def _run(self, send: Callable[[sqlite3.Cursor], object]) -> None:
        connection: Any = self._connection

        def run() -> list[Any]:
            cursor = connection._conn.cursor()  # noqa: SLF001 - aiosqlite's connection of the thread
            try:
                send(cursor)
                self._description = cursor.description
                rows = cursor.fetchall() if cursor.description else []
                self._row_count, self._last_row_id = cursor.rowcount, cursor.lastrowid
            finally:
                cursor.close()
            return rows

        async with self._adapt_connection._execute_mutex:  # noqa: SLF001 - the adapter's own attribute
            self._rows = deque(await connection._execute(run))  # noqa: SLF001 - how aiosqlite runs in its thread


class SingleHopConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors change threads once a statement."""

    __slots__ = ()
    _cursor_cls = SingleHopCursor  # type: ignore[assignment]


class SingleHopDriver(AsyncAdapt_aiosqlite_dbapi):
    """What SQLAlchemy takes for the aiosqlite module: `create_async_engine(…, module=SQLITE_DRIVER)`."""

    def connect(self, *arguments: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:  # noqa: ANN401 - SQLAlchemy's
        """Connect as the adapter does, with cursors of our own."""
        made = super().connect(*arguments, **options)
        return SingleHopConnection(self, made._connection)  # noqa: SLF001 - the adapter's own attribute


SQLITE_DRIVER = SingleHopDriver(aiosqlite, sqlite3)

__all__ = ["SQLITE_DRIVER"]
