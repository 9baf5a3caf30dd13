"""Epochs of an event log: what makes positions of a restored or moved database different from those lost with the old one.

An epoch is a random name. Cursors carry it, so that a reader of the lost log is told to start again instead of skipping
events. Positions (tx, seq) of a later epoch are above all earlier ones: `tx` of a row is the epoch's `tx_offset` plus
PostgreSQL's transaction id (plus 0 on SQLite), and the offset is chosen above every position that is known.

A new epoch begins when a service starts on another server (PostgreSQL: system identifier and database oid), when a
subscriber has received a later position than the log holds (shared/events/inbox.py), or by command after a restore
(shared/app/restore_mark.py).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import event_log, execute_core, log_cursor, log_epoch

Cursor = tuple[int, int]
LOG_START: Cursor = (0, 0)
EPOCH_BYTES = 5
TX_OFFSET_SQL = "coalesce((SELECT e.tx_offset FROM log_epoch AS e ORDER BY e.number DESC LIMIT 1), 0)"
"""The current epoch's offset inside another statement."""
CURRENT_TX_SQL = f"({TX_OFFSET_SQL} + CAST(CAST(pg_current_xact_id() AS text) AS bigint))"
"""PostgreSQL: `tx` of the rows that this transaction writes."""
SERVER_IDENTITY_SQL = """
SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || oid::text
FROM pg_database WHERE datname = current_database()
"""


class EpochReason(StrEnum):
    """Why an epoch began."""

    CREATED = "created"
    OTHER_SERVER = "other_server"
    RESTORED = "restored"
    SUBSCRIBER_AHEAD = "subscriber_ahead"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The current epoch of a log; positions up to `after` were given out in earlier epochs."""

    name: str
    number: int
    after: Cursor
    server: str


NO_EPOCH = Epoch("", 0, LOG_START, "")


async def get_epoch(session: AsyncSession) -> Epoch:
    """The current epoch; NO_EPOCH in a database that no service has started on."""
    query = sa.select(log_epoch).order_by(log_epoch.c.number.desc()).limit(1)
    row = (await execute_core(session, query)).first()
    return (
        NO_EPOCH if row is None else Epoch(row.epoch, row.number, (row.after_tx, row.after_seq), row.server)
    )


def current_epoch_name() -> sa.ColumnElement[str]:
    """`name` of the current epoch as a column of another query; empty in a database that no service has started on."""
    newest = sa.select(log_epoch.c.epoch).order_by(log_epoch.c.number.desc()).limit(1)
    return sa.func.coalesce(newest.scalar_subquery(), "").label("epoch")


async def is_known_epoch(session: AsyncSession, name: str) -> bool:
    """Whether this log had an epoch of that name."""
    found = await execute_core(session, sa.select(log_epoch.c.number).where(log_epoch.c.epoch == name))
    return found.first() is not None


def current_tx(session: AsyncSession) -> sa.ColumnElement[int]:
    """`tx` of the rows that this transaction writes to the log."""
    postgres = session.get_bind().dialect.name == "postgresql"
    return sa.literal_column(CURRENT_TX_SQL if postgres else TX_OFFSET_SQL, sa.BigInteger)


async def read_server_identity(session: AsyncSession) -> str:
    """PostgreSQL's system identifier and the database's oid; `sqlite` for a file, which has no such mark."""
    if session.get_bind().dialect.name != "postgresql":
        return "sqlite"
    return str((await execute_core(session, sa.text(SERVER_IDENTITY_SQL))).scalar_one())


async def find_last_position(session: AsyncSession) -> Cursor:
    """The position of the last row of the log, whether readers see it yet or not."""
    query = sa.select(event_log.c.tx, event_log.c.seq).order_by(event_log.c.tx.desc(), event_log.c.seq.desc())
    row = (await execute_core(session, query.limit(1))).first()
    return LOG_START if row is None else (row.tx, row.seq)


async def settle_epoch(session: AsyncSession, at: datetime) -> Epoch:
    """The epoch in which a service starts: a new one on another server than that of the last start."""
    epoch, identity = await get_epoch(session), await read_server_identity(session)
    if epoch.number and epoch.server == identity:
        return epoch
    if not epoch.number:
        return await begin_epoch(session, EpochReason.CREATED, at)
    if epoch.server:
        return await begin_epoch(session, EpochReason.OTHER_SERVER, at)
    mine = log_epoch.update().where(log_epoch.c.number == epoch.number)
    await execute_core(session, mine.values(server=identity))
    return await get_epoch(session)


async def begin_epoch(
    session: AsyncSession, reason: EpochReason, at: datetime, *, above: Cursor = LOG_START
) -> Epoch:
    """Begin an epoch whose positions are above the log, its cursors and a position that somebody else holds.

    Waits for transactions that have written to the log, and writers wait for the end of this one: their rows have the
    offset of the epoch in which they become visible.
    """
    tops = [above]
    lowest_id = 0
    if session.get_bind().dialect.name == "postgresql":
        await execute_core(session, sa.text("LOCK TABLE event_log IN SHARE ROW EXCLUSIVE MODE"))
        oldest = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        lowest_id = int((await execute_core(session, oldest)).scalar_one())
    before = await get_epoch(session)
    tops += [before.after, await find_last_position(session)]
    read = await execute_core(session, sa.select(log_cursor.c.tx, log_cursor.c.seq))
    tops += [(row.tx, row.seq) for row in read]
    top = max(tops)
    first = before.number == 0 and top == LOG_START
    await execute_core(
        session,
        log_epoch.insert().values(
            number=before.number + 1,
            epoch=secrets.token_hex(EPOCH_BYTES),
            tx_offset=0 if first else max(0, top[0] + 1 - lowest_id),
            after_tx=top[0],
            after_seq=top[1],
            server=await read_server_identity(session),
            reason=str(reason),
            began_at=at,
        ),
    )
    return await get_epoch(session)
