"""Engines, sessions and column types with the same behaviour on SQLite and PostgreSQL; only this module commits."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum as PyEnum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.read_lane import READ_LANE, PostgresLane, ReadLane, SqliteLane
from shared.db.row_changes import TrackedSession
from shared.db.sqlite_driver import SQLITE_DRIVER
from shared.db.statement_count import watch_engine
from shared.errors import ApiError, Conflict, Invalid, Unavailable
from shared.metrics import DATABASE_REFUSALS

SQLModel.model_config["defer_build"] = True  # as shared/__init__.py does, where sqlmodel was imported before
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
LOCK_TIMEOUT_MS = 5000
POSTGRES_OPTIONS = (
    f"-c lock_timeout={LOCK_TIMEOUT_MS} -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
)
POSTGRES_READ_OPTIONS = POSTGRES_OPTIONS + " -c default_transaction_read_only=on"
IN_TRANSACTION = -1
"""The count of writes while a transaction is open: its rows are counted when it ends."""
STORAGE_ERRORS = (DBAPIError, OverflowError, UnicodeEncodeError)
"""Exceptions of the drivers for values that cannot be stored and statements that fail."""
BROKEN_SQLITE_MESSAGES = (
    "unable to open",
    "disk i/o",
    "disk is full",
    "connection is closed",
    "readonly database",
)
BROKEN_POSTGRES_STATES = ("08", "53", "57", "58", "25006", "25P03", "25P04")
"""Classes and codes of what lies with the server: connection lost, out of disk or memory, shut down, input/output error,
read-only (a standby, or an operator's order), the session ended after idling in a transaction, a transaction too long.
"""
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BigSerial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""An autoincrementing 64-bit key on both databases."""


def text_enum(kind: type[PyEnum]) -> sa.Enum:
    """Column type of an enum stored by value in a VARCHAR, so that a new member needs no migration."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        validate_strings=True,
        values_callable=lambda members: [member.value for member in members],
    )


class Fen(sa.BigInteger):
    """Column type of money: an integer number of 分. Events tell it in 元 (shared/events/serialization.py)."""


class Record(SQLModel):
    """Columns of every business record; `created_digest` identifies a repeated create request."""

    id: UUID = Field(primary_key=True)
    region: str = Field(max_length=12)
    version: int = 1
    created_at: datetime
    created_by: str = Field(max_length=64)
    updated_at: datetime
    created_digest: str = Field(default="", max_length=64)


async def lock_until_commit(session: AsyncSession, lock_id: int) -> None:
    """Take an advisory lock until the transaction ends (PostgreSQL; SQLite has one writer)."""
    if session.get_bind().dialect.name == "postgresql":
        await execute_core(session, sa.select(sa.func.pg_advisory_xact_lock(lock_id)))


def async_url(url: str) -> URL:
    """A database URL with the async driver (aiosqlite, psycopg)."""
    parsed = make_url(url)
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}[parsed.get_backend_name()]
    return parsed.set(drivername=driver)


def sync_url(url: str) -> URL:
    """A database URL with the synchronous driver, for Alembic."""
    parsed = make_url(url)
    driver = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}[parsed.get_backend_name()]
    return parsed.set(drivername=driver)


READ_OPTIONS: Mapping[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
}
"""Reads begin and end no transaction: that would be two more trips for each of them."""


def _create_sqlite_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # One writer connection per process: writers queue in order instead of racing for the file lock.
    options = (
        {"pool_size": 8, "max_overflow": 0, **READ_OPTIONS}
        if read_only
        else {"pool_size": 1, "max_overflow": 0}
    )
    engine = create_async_engine(
        url, module=SQLITE_DRIVER, poolclass=AsyncAdaptedQueuePool, pool_timeout=30, **options
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's adapter
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={LOCK_TIMEOUT_MS}",
            "foreign_keys=ON",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if not read_only:

        @event.listens_for(engine.sync_engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            # BEGIN IMMEDIATE, or two transactions that read before they write would lose an update.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _create_postgres_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    options = READ_OPTIONS if read_only else {}
    arguments = {"options": POSTGRES_READ_OPTIONS if read_only else POSTGRES_OPTIONS}
    return create_async_engine(
        url, pool_size=4, max_overflow=4, pool_timeout=10, connect_args=arguments, **options
    )


class Database:
    """The database of one service, with write transactions and sessions that only read."""

    before_commit: ClassVar[list[Callable[[AsyncSession], Awaitable[None]]]] = []
    """Called at the end of every write transaction: the event log writes its rows."""

    def __init__(self, url: str) -> None:
        """Create the engines; connections are opened on first use."""
        self._url = parsed = async_url(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            self.writer = _create_sqlite_engine(parsed, read_only=False)
            self.reader = _create_sqlite_engine(parsed, read_only=True)
        else:
            self.writer = _create_postgres_engine(parsed, read_only=False)
            self.reader = _create_postgres_engine(parsed, read_only=True)
        self._write_connection: Any = None
        self.lane: ReadLane = (SqliteLane if self.dialect == "sqlite" else PostgresLane)(self._read_arguments)
        watch_engine(self.reader.sync_engine)
        watch_engine(self.writer.sync_engine)
        if self.dialect == "sqlite":
            event.listen(self.writer.sync_engine, "connect", self._keep_write_connection)

    def _keep_write_connection(self, connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's adapter
        self._write_connection = connection.driver_connection

    def count_writes(self) -> int | None:
        """A number that changes with every commit of this process; None on PostgreSQL, where other processes write as well."""
        if self.dialect != "sqlite":
            return None
        connection = self._write_connection
        if connection is None:
            return 0
        return IN_TRANSACTION if connection.in_transaction else int(connection.total_changes)

    def is_unwritten_since(self, count: int | None) -> bool:
        """Whether nothing was committed since `count_writes` answered this; never known on PostgreSQL."""
        return count is not None and self.count_writes() == count

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncSession]:
        """A transaction that is committed at the end of the block and rolled back on an exception.

        It begins with the first statement, so calls to other services before that hold no lock.
        """
        try:
            # The end of the session rolls back what was not committed, which may fail as well.
            async with AsyncSession(
                self.writer, expire_on_commit=False, sync_session_class=TrackedSession
            ) as session:
                yield session
                for finish in self.before_commit:
                    await finish(session)
                await session.commit()
        except STORAGE_ERRORS as error:
            raise to_api_error(error) from error
        except NoConnection as error:
            raise _pool_exhausted() from error

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """A session that cannot write. Each statement sees what is committed when it begins; there is no transaction."""
        try:
            # The end of the session speaks to the database, too: a connection lost by then is the same failure.
            async with AsyncSession(
                self.reader, expire_on_commit=False, info={READ_LANE: self.lane}
            ) as session:
                yield session
        except STORAGE_ERRORS as error:
            raise to_api_error(error) from error
        except NoConnection as error:
            raise _pool_exhausted() from error

    @asynccontextmanager
    async def advisory_lock(self, lock_id: int) -> AsyncGenerator[None]:
        """Hold an advisory lock of this id, exclusive among all processes on the database (no-op on SQLite: one process)."""
        if self.dialect == "sqlite":
            yield
            return
        async with self.write() as session:
            for timeout in ("lock_timeout", "idle_in_transaction_session_timeout"):
                await execute_core(session, sa.select(sa.func.set_config(timeout, "0", sa.true())))
            await execute_core(session, sa.select(sa.func.pg_advisory_xact_lock(lock_id)))
            yield

    @asynccontextmanager
    async def reuse_read_session(self, session: AsyncSession) -> AsyncGenerator[AsyncSession]:
        """`read` with a session of `long_lived_read_session`, for a task that often finds everything in its cache."""
        try:
            yield session
        except STORAGE_ERRORS as error:
            raise to_api_error(error) from error
        except NoConnection as error:
            raise _pool_exhausted() from error
        finally:
            if session.in_transaction():
                await session.close()

    def long_lived_read_session(self) -> AsyncSession:
        """A read session that one task uses repeatedly with `reuse_read_session`."""
        return AsyncSession(self.reader, expire_on_commit=False)

    def connection_arguments(self) -> dict[str, Any]:
        """Keyword arguments of psycopg or sqlite3 for a connection outside the pools."""
        _, arguments = self._url.get_dialect()().create_connect_args(self._url)
        if self.dialect == "sqlite":
            return {"database": self._url.database}
        return {**arguments, "options": POSTGRES_OPTIONS}

    def _read_arguments(self) -> dict[str, Any]:
        arguments = self.connection_arguments()
        return arguments if self.dialect == "sqlite" else {**arguments, "options": POSTGRES_READ_OPTIONS}

    async def close(self) -> None:
        """Close all connections."""
        await self.lane.close()
        await self.writer.dispose()
        await self.reader.dispose()


def _pool_exhausted() -> Unavailable:
    """Connection pool exhausted (pool_timeout exceeded)."""
    DATABASE_REFUSALS.labels("pool").inc()
    return Unavailable("同时办理的人太多, 请稍后重试", "Too many at once", retry_after=2)


def to_api_error(error: Exception) -> Exception:
    """Convert a driver's exception to an ApiError; an unexpected one is returned unchanged."""
    is_driver_error = isinstance(error, DBAPIError | psycopg.Error)
    if not is_driver_error or isinstance(error, DataError | psycopg.DataError):
        # NUL in a text, a number beyond 64 bits, a lone surrogate: the drivers raise different exceptions.
        return Invalid("内容里有不能保存的字符, 或数字过大", "A character or number cannot be stored")
    cause = getattr(error, "orig", error)
    state = getattr(cause, "sqlstate", None) or ""
    text = str(cause)
    if isinstance(error, IntegrityError | psycopg.IntegrityError):
        if "unique" in text.lower() or state == "23505":
            return Conflict("已有相同的记录", "An equal record exists already")
        return error
    if state in {"40001", "40P01", "55P03"} or "database is locked" in text:
        DATABASE_REFUSALS.labels("busy").inc()
        return Unavailable(
            "有人正在修改同一记录, 请稍后重试", "Somebody is changing the same record", retry_after=1
        )
    is_broken = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError) or any(
        message in text.lower() for message in BROKEN_SQLITE_MESSAGES
    )
    if state.startswith(BROKEN_POSTGRES_STATES) or (not state and is_broken):
        DATABASE_REFUSALS.labels("away").inc()
        return Unavailable("数据库暂不可用", "The database is not available")
    return error


async def execute_core(
    session: AsyncSession,
    statement: sa.Executable,
    values: Any = None,  # noqa: ANN401 - any parameters
) -> sa.CursorResult[Any]:
    """Execute a Core statement in the session's transaction (SQLModel's `exec` is for ORM selects)."""
    connection = await session.connection()
    return await connection.execute(statement, values)


__all__ = [
    "JSON",
    "NAMING_CONVENTION",
    "ApiError",
    "BigSerial",
    "Database",
    "Record",
    "async_url",
    "execute_core",
    "sync_url",
    "text_enum",
    "to_api_error",
]
