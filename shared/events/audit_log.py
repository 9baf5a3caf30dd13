"""Hash chain over the event log: SM3 of each visible row together with the seal before it.

A background task seals rows after they are committed and blocks no writer. `verify_chain` compares log and seals and
names each changed, missing or inserted row. Who can rewrite rows can rewrite all later seals, too: an auditor who keeps
a seal (position, digest) outside this database finds that as well.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.china import LabelledEnum
from shared.db import bulk_upsert, event_log, execute_core, log_seal
from shared.errors import Conflict
from shared.events import merkle
from shared.events.epoch import LOG_START, Cursor
from shared.events.log import is_visible, list_after_cursor
from shared.unit_of_work import ServiceContext

SEAL_BATCH_ROWS = 500
SEAL_INTERVAL_S = 5.0
TREE_BATCH_ROWS = 20_000
"""Leaves added at once to the tree of a log that was sealed before there were trees."""
GENESIS_DIGEST = "0" * 64


class ChainFault(LabelledEnum):
    """日志问题."""

    CHANGED = "changed", "内容被改动"
    MISSING = "missing", "记录缺失"
    INSERTED = "inserted", "记录被插入"
    SEAL_MISSING = "seal_missing", "封印缺失"
    REWRITTEN = "rewritten", "封印与留存的摘要不符"
    TREE = "tree", "校验树与封印不符"


class LogFault(BaseModel):
    """一处日志问题: the row and its fault."""

    kind: ChainFault
    label: str
    seq: int
    position: int = Field(description="place in the chain of seals; 0 when there is none")


class Seal(BaseModel):
    """封印: position and digest, worth keeping outside the system."""

    position: int = 0
    digest: str = GENESIS_DIGEST


class LogReport(BaseModel):
    """日志校验结果."""

    rows: int = Field(description="rows compared")
    faults: list[LogFault]
    head: Seal = Field(description="the last seal")


def row_digest(row: Any, before: str) -> str:  # noqa: ANN401 - any row of the log
    """SM3 in hexadecimal over the digest before and the whole row, equal on both databases.

    Empty `person` and `records` are left out: rows sealed by v0.2.0 have no such columns.
    """
    values = row_values(row._asdict())
    text = json.dumps([before, values], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.new("sm3", text.encode()).hexdigest()


def row_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the log as it is sealed: JSON without empty columns that v0.2.0 did not have."""
    values = {name: _to_json_value(value) for name, value in row.items()}
    return {name: value for name, value in values.items() if value or name not in {"person", "records"}}


def _to_json_value(value: Any) -> Any:  # noqa: ANN401 - any column
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


async def _last_seal(session: AsyncSession) -> tuple[Seal, Cursor]:
    query = sa.select(log_seal).order_by(log_seal.c.position.desc()).limit(1)
    row = (await execute_core(session, query)).first()
    return (
        (Seal(), LOG_START)
        if row is None
        else (Seal(position=row.position, digest=row.digest), (row.tx, row.seq))
    )


async def seal_rows(context: ServiceContext) -> int:
    """Seal the next rows and return their number; 0 when another process sealed the same rows first."""
    async with context.database.read() as session:
        last, cursor = await _last_seal(session)
        rows = await list_after_cursor(session, cursor, limit=SEAL_BATCH_ROWS)
        is_behind = not rows and await merkle.read_size(session) < last.position
    if is_behind:
        async with context.database.write() as session:
            await merkle.grow_tree(session, TREE_BATCH_ROWS)
    if not rows:
        return 0
    seals, digest = [], last.digest
    for position, row in enumerate(rows, last.position + 1):
        digest = row_digest(row, digest)
        seals.append({"position": position, "seq": row.seq, "tx": row.tx, "digest": digest})
    try:
        async with context.database.write() as session:
            await bulk_upsert(session, log_seal, seals)
            await merkle.grow_tree(session, TREE_BATCH_ROWS)
    except Conflict:
        return 0
    return len(seals)


async def verify_chain(session: AsyncSession, kept: Seal | None = None) -> LogReport:
    """Compare each sealed row with its seal; `kept` is a seal that somebody keeps outside this database."""
    faults: list[LogFault] = []
    rows, previous, last_seq = 0, Seal(), 0
    while page := await _list_seals(session, previous.position):
        stored = await _rows_by_seq(session, [seal.seq for seal in page])
        for seal in page:
            faults += _missing_seals(previous, seal)
            row = stored.get(seal.seq)
            if row is None:
                faults.append(_log_fault(ChainFault.MISSING, seal.seq, seal.position))
            elif seal.position == previous.position + 1 and (
                row_digest(row, previous.digest) != seal.digest or row.tx != seal.tx
            ):
                faults.append(_log_fault(ChainFault.CHANGED, seal.seq, seal.position))
            if kept is not None and kept.position == seal.position and kept.digest != seal.digest:
                faults.append(_log_fault(ChainFault.REWRITTEN, seal.seq, seal.position))
            previous, rows = Seal(position=seal.position, digest=seal.digest), rows + 1
            last_seq = seal.seq
    if kept is not None and kept.position > previous.position:
        faults.append(_log_fault(ChainFault.REWRITTEN, last_seq, kept.position))
    faults += [_log_fault(ChainFault.INSERTED, seq, 0) for seq in await _list_unsealed(session)]
    if (position := await merkle.find_tree_fault(session)) is not None:
        faults.append(_log_fault(ChainFault.TREE, 0, position))
    return LogReport(rows=rows, faults=faults, head=previous)


def _missing_seals(previous: Seal, seal: Any) -> Iterator[LogFault]:  # noqa: ANN401 - a row of log_seal
    for position in range(previous.position + 1, seal.position):
        yield _log_fault(ChainFault.SEAL_MISSING, 0, position)


def _log_fault(kind: ChainFault, seq: int, position: int) -> LogFault:
    return LogFault(kind=kind, label=kind.label, seq=seq, position=position)


async def _list_seals(session: AsyncSession, position: int) -> list[Any]:
    query = (
        sa.select(log_seal)
        .where(log_seal.c.position > position)
        .order_by(log_seal.c.position)
        .limit(SEAL_BATCH_ROWS)
    )
    return list(await execute_core(session, query))


async def _rows_by_seq(session: AsyncSession, seqs: list[int]) -> dict[int, Any]:
    return {
        row.seq: row
        for row in await execute_core(session, sa.select(event_log).where(event_log.c.seq.in_(seqs)))
    }


async def _list_unsealed(session: AsyncSession) -> list[int]:
    """`seq` of rows without a seal before the last sealed row: the sealer leaves none."""
    _, cursor = await _last_seal(session)
    position = sa.tuple_(event_log.c.tx, event_log.c.seq)
    query = (
        sa.select(event_log.c.seq)
        .outerjoin(log_seal, log_seal.c.seq == event_log.c.seq)
        .where(log_seal.c.seq.is_(None), position < sa.tuple_(*map(sa.literal, cursor)), is_visible(session))
        .order_by(event_log.c.seq)
        .limit(SEAL_BATCH_ROWS)
    )
    return list((await execute_core(session, query)).scalars())
