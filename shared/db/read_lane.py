"""Connections outside the pools that send finished texts and only read: what SQLAlchemy adds costs more than the statement.

SQLite runs on the event loop's own thread, where a change of threads would cost several times the statement. A text that is
sent this way must therefore be short for any size of the tables: it finds its rows by their keys.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.statement_count import count_statement

MAX_CONNECTIONS = 4
_PARAMETER = re.compile(r"%\((\w+)\)s")
READ_LANE = "read_lane"
"""Where a session that only reads keeps the lane beside it (`session.info`)."""
Rows = list[tuple[Any, ...]]


class ReadLane(Protocol):
    """Sends one text with its values and answers all rows; raises SQLAlchemy's DBAPIError."""

    async def fetch(self, text: str, values: Mapping[str, Any]) -> Rows:
        """Send a text with `:name` (SQLite) or `%(name)s` (PostgreSQL)."""

    async def close(self) -> None:
        """Close what is kept; the next text opens it again."""


class SqliteLane:
    """One connection, on the thread of the event loop."""

    def __init__(self, arguments: Callable[[], dict[str, Any]]) -> None:
        self._arguments = arguments
        self._connection: sqlite3.Connection | None = None
        self._opened = 0

    async def read_version(self) -> tuple[int, int]:
        """What changes with every commit to the file, of whatever process; SQLite counts them for each connection."""
        ((version,),) = await self.fetch("PRAGMA data_version", {})
        return self._opened, version

    async def fetch(self, text: str, values: Mapping[str, Any]) -> Rows:
        """Send a text with `:name`."""
        count_statement(text)
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(**self._arguments(), isolation_level=None)
                self._connection.execute("PRAGMA query_only=ON")
                self._opened += 1
            return self._connection.execute(text, values).fetchall()
        except sqlite3.Error as error:
            await self.close()
            raise _to_dbapi_error(text, error, sqlite3.Error) from error

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresLane:
    """A few connections in autocommit mode, read-only by the server's own setting."""

    def __init__(self, arguments: Callable[[], dict[str, Any]]) -> None:
        self._arguments = arguments
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def fetch(self, text: str, values: Mapping[str, Any]) -> Rows:
        """Send a text with `%(name)s`."""
        count_statement(text)
        numbered, names = _number_parameters(text)
        async with self._places:
            connection = self._idle.pop() if self._idle else None
            try:
                if connection is None:
                    connection = await psycopg.AsyncConnection.connect(
                        **self._arguments(), autocommit=True, cursor_factory=psycopg.AsyncRawCursor
                    )
                cursor = await connection.execute(numbered, [values[name] for name in names])
                rows: Rows = await cursor.fetchall()
            except BaseException as error:
                if connection is not None:
                    await _close(connection)
                if isinstance(error, psycopg.Error):
                    raise _to_dbapi_error(text, error, psycopg.Error) from error
                raise
            self._idle.append(connection)
            return rows

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            await _close(self._idle.pop())


@lru_cache(maxsize=500)
def _number_parameters(text: str) -> tuple[bytes, Sequence[str]]:
    """A text with $1 in place of %(name)s, and the names in order: psycopg would read a long text anew each time."""
    names = list(dict.fromkeys(_PARAMETER.findall(text)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text).replace("%%", "%")
    return numbered.encode(), names


async def _close(connection: psycopg.AsyncConnection[Any]) -> None:
    with suppress(psycopg.Error):
        await connection.close()


def _to_dbapi_error(text: str, error: Exception, base: type[Exception]) -> BaseException:
    return DBAPIError.instance(text, None, error, base)


async def fetch_rows(session: AsyncSession, text: str, values: Mapping[str, Any]) -> Rows:
    """The rows of a finished text: beside a session that only reads, else in the session's transaction."""
    lane: ReadLane | None = session.info.get(READ_LANE)
    if lane is not None:
        return await lane.fetch(text, values)
    connection = await session.connection()
    return [tuple(row) for row in await connection.exec_driver_sql(text, dict(values))]


__all__ = ["READ_LANE", "PostgresLane", "ReadLane", "SqliteLane", "fetch_rows"]
