"""Dedicated PostgreSQL connection that runs single statements in autocommit mode, without a session.

A check-in costs 0.1 ms of processor time this way and 0.6 ms through a session. SQLite has one writer, whose lock
every transaction needs, so there the callers use ordinary sessions.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg

from shared.db import Database, to_api_error


class AutocommitConnection:
    """One connection to a service's database, opened on first use and reopened when it broke; one statement at a time."""

    def __init__(self, database: Database) -> None:
        """Remember the database; nothing is connected yet."""
        self.database = database
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[Any] | None = None

    @property
    def is_supported(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.database.dialect == "postgresql"

    async def execute(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one statement with `%(name)s` parameters as its own transaction and return its rows, committed.

        Raises the same ApiErrors as `Database.write`. When the connection breaks during the statement, it is unknown
        whether the statement was committed.
        """
        try:
            async with self._lock:
                return await self._fetch_rows(statement.encode(), values)
        except (psycopg.Error, UnicodeEncodeError) as error:
            raise to_api_error(error) from error

    async def _fetch_rows(self, statement: bytes, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            arguments = self.database.connection_arguments()
            self._connection = await psycopg.AsyncConnection.connect(**arguments, autocommit=True)
        cursor = await self._connection.execute(statement, values)
        return await cursor.fetchall()

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
