"""Whether the tables of a service follow from its event log: each proved row against what the log last said of it.

`check_service` reads log and tables in one snapshot, compares, runs the service's own checks (sums, balances) and answers
differences in plain words. `write_baseline` writes, after an upgrade, what the log has not told of earlier rows: rows are
proved from their first mention on, not before.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.china import LabelledEnum
from shared.db import Database, event_log, execute_core, log_cursor
from shared.db.row_changes import DIGEST, PROOFS, ProvedTables, describe_row, note_rows, row_key
from shared.db.tables import UNPROVED_SHARED_TABLES
from shared.events.audit_log import LogReport, verify_chain
from shared.events.event import Event
from shared.events.log import EventRecord, publish_many
from shared.unit_of_work import ServiceContext

MAX_DIFFERENCES = 1000
UNREADABLE = (LookupError, ValueError, TypeError)
"""What reading a value raises that somebody wrote past the program: no such state, no number, no JSON."""
CHECK_BATCH_ROWS = 2000
BASELINE_BATCH_ROWS = 200
BASELINE_MARK = "baseline"
"""Subscriber of a cursor that a migration leaves behind: the rows of this database have no baseline yet.

`baseline:TABLE` says so of one table, that is proved only from this release on.
"""


class DifferenceKind(LabelledEnum):
    """不符之处."""

    CHANGED = "changed", "内容与日志不符"
    MISSING = "missing", "日志里有, 表里没有"
    UNTOLD = "untold", "表里有, 日志里没有"
    SUM = "sum", "合计与明细不符"


class Difference(BaseModel):
    """一处不符: of one row, or of a figure."""

    kind: DifferenceKind
    label: str
    table: str
    key: str
    words: str = Field(description="what differs, for a person")


class FsckReport(BaseModel):
    """账实核对结果: whether the tables follow from the log, and the log from its seals."""

    service: str
    rows: int = Field(description="rows of tables compared")
    events: int = Field(description="events with rows that were read")
    proved_since: datetime | None = Field(
        description="the first event that tells of rows; earlier states are not proved"
    )
    differences: list[Difference] = Field(description=f"at most {MAX_DIFFERENCES}")
    unproved: dict[str, str] = Field(description="tables that are not compared, with the reason")
    figures: dict[str, dict[str, int]] = Field(
        {}, description="figure → id → 分: what other services must agree with"
    )
    log: LogReport


Told = Mapping[tuple[str, str], Any]
"""What the log last said of each row: (table, key) → digest or stated values."""
ServiceCheck = Callable[[AsyncSession, Told], AsyncIterator[Difference]]


@dataclass(frozen=True)
class Fsck:
    """What fsck knows of one service: its tables, which of them are proved, and checks of figures that follow from them."""

    metadata: sa.MetaData
    proofs: ProvedTables = field(default_factory=ProvedTables)
    checks: Sequence[ServiceCheck] = ()
    read_figures: Callable[[AsyncSession], Awaitable[dict[str, dict[str, int]]]] | None = None
    """Figures by id that other services hold, too; operations/fsck.py compares them."""

    def __post_init__(self) -> None:
        """Declare the proofs for the tables, so that write transactions note their rows."""
        unproved = {**UNPROVED_SHARED_TABLES, **self.proofs.unproved}
        merged = ProvedTables(unproved, self.proofs.derived, self.proofs.stated)
        for table, names in {**merged.derived, **merged.stated}.items():
            if unknown := set(names) - set(self.metadata.tables[table].c.keys()):
                raise ValueError(f"{table} has no column {unknown}")
        if unknown := set(self.proofs.unproved) - set(self.metadata.tables):
            raise ValueError(f"no table {unknown}")
        object.__setattr__(self, "proofs", merged)
        self.metadata.info[PROOFS] = merged

    def list_tables(self) -> list[sa.Table]:
        """The proved tables, parents first."""
        return [table for table in self.metadata.sorted_tables if self.proofs.covers(table)]


class RecordsBaselined(Event):
    """Rows that were there before the log told of rows; `records` of the log row names them."""

    topic = "records.baselined"
    table: str
    count: int


def build_difference(kind: DifferenceKind, table: str, key: str, words: str) -> Difference:
    """A difference with its label."""
    return Difference(kind=kind, label=kind.label, table=table, key=key, words=words)


async def ignore_progress(_rows: int) -> None:
    """Tell nobody how far a check is."""


async def check_service(
    service: str, database: Database, fsck: Fsck, progress: Callable[[int], Awaitable[None]] = ignore_progress
) -> FsckReport:
    """Compare the whole database of a service with its log, in one snapshot. `progress` is told the rows compared."""
    async with database.read() as session:
        if database.dialect == "postgresql":
            _ = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return await check_session(session, service, fsck, progress)


async def check_session(
    session: AsyncSession,
    service: str,
    fsck: Fsck,
    progress: Callable[[int], Awaitable[None]] = ignore_progress,
) -> FsckReport:
    """`check_service` in a transaction of the caller's."""
    told, events, since = await read_told_rows(session)
    differences, rows = await _compare_tables(session, fsck, told, progress)
    for check in fsck.checks:
        try:
            differences += [one async for one in check(session, told)]
        except UNREADABLE as error:
            differences.append(_describe_unreadable(check.__name__.removeprefix("check_"), error))
    return FsckReport(
        service=service,
        rows=rows,
        events=events,
        proved_since=since,
        differences=differences[:MAX_DIFFERENCES],
        unproved=dict(fsck.proofs.unproved),
        figures=await fsck.read_figures(session) if fsck.read_figures is not None else {},
        log=await verify_chain(session),
    )


async def _compare_tables(
    session: AsyncSession, fsck: Fsck, told: Told, progress: Callable[[int], Awaitable[None]]
) -> tuple[list[Difference], int]:
    """Every row of the proved tables with what the log says of it; the differences, and the rows compared."""
    left, differences, rows = dict(told), [], 0
    names = set()
    for table in fsck.list_tables():
        try:
            async for row in _stream_rows(session, table):
                rows += 1
                if found := _compare_row(table, row, left.pop((table.name, row_key(table, row)), None)):
                    differences.append(found)
                if rows % CHECK_BATCH_ROWS == 0:
                    await progress(rows)
        except UNREADABLE as error:
            differences.append(_describe_unreadable(table.name, error))
        else:
            names.add(table.name)
    differences += [
        build_difference(DifferenceKind.MISSING, table, key, f"{table} {key} 被删除: 日志没有删除它的记录")
        for (table, key), described in left.items()
        if described is not None and table in names
    ]
    return differences, rows


def _describe_unreadable(name: str, error: Exception) -> Difference:
    words = f"{name}: 有一行的值不是这一栏能有的, 读不出来: {error}"
    return build_difference(DifferenceKind.CHANGED, name, "", words)


async def read_told_rows(session: AsyncSession) -> tuple[dict[tuple[str, str], Any], int, datetime | None]:
    """What the log last said of each row, how many events told of rows, and when the first of them was written.

    A row's events have its order in `seq`: whoever changes it holds its lock until the commit.
    """
    told: dict[tuple[str, str], Any] = {}
    events, since, last = 0, None, 0
    columns = (event_log.c.seq, event_log.c.ingested_at, event_log.c.records)
    while True:
        query = sa.select(*columns).where(event_log.c.seq > last).order_by(event_log.c.seq)
        page = list(await execute_core(session, query.limit(CHECK_BATCH_ROWS)))
        for row in page:
            if row.records:
                events, since = events + 1, since or row.ingested_at
                for table, keys in row.records.items():
                    if isinstance(keys, Mapping):  # else the row was changed, and its seal says so
                        told |= {(table, key): described for key, described in keys.items()}
        if len(page) < CHECK_BATCH_ROWS:
            return told, events, since
        last = page[-1].seq


async def _stream_rows(session: AsyncSession, table: sa.Table) -> AsyncIterator[Mapping[str, Any]]:
    keys = list(table.primary_key)
    last: tuple[Any, ...] | None = None
    while True:
        query = sa.select(table).order_by(*keys).limit(CHECK_BATCH_ROWS)
        if last is not None:
            query = query.where(
                sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last, [one.type for one in keys]))
            )
        page = list(await execute_core(session, query))
        for row in page:
            yield row._asdict()
        if len(page) < CHECK_BATCH_ROWS:
            return
        last = tuple(page[-1]._asdict()[one.key] for one in keys)


def _compare_row(table: sa.Table, row: Mapping[str, Any], told: Any) -> Difference | None:  # noqa: ANN401 - JSON
    key = row_key(table, row)
    if told is None:
        if table.name == "rule" and row["origin"]:
            return None
        words = f"{table.name} {key} 没有来历: 日志里没有写入它的记录"
        return build_difference(DifferenceKind.UNTOLD, table.name, key, words)
    found = describe_row(table, row)
    if found == told:
        return None
    words = "表里的内容与日志最后一次写入的摘要不同"
    if isinstance(found, dict) and isinstance(told, dict):
        pairs = [
            f"{name}: 日志里是 {told[name]!r}, 表里是 {found[name]!r}"
            for name in found
            if name != DIGEST and name in told and told[name] != found[name]
        ]
        words = "; ".join(pairs) or "金额、日期、状态相同, 其他栏目的内容被改动"
    return build_difference(DifferenceKind.CHANGED, table.name, key, f"{table.name} {key}: {words}")


async def write_baseline(context: ServiceContext, fsck: Fsck) -> int:
    """Tell the log of the rows of a database made before the log told of rows; their number. Once after the upgrade."""
    subscriber = log_cursor.c.subscriber
    is_mark = sa.or_(subscriber == BASELINE_MARK, subscriber.startswith(f"{BASELINE_MARK}:"))
    async with context.database.read() as session:
        marks = set((await execute_core(session, sa.select(subscriber).where(is_mark))).scalars())
    written = 0
    for table in fsck.list_tables():
        if not marks & {BASELINE_MARK, f"{BASELINE_MARK}:{table.name}"}:
            continue
        last: tuple[Any, ...] | None = None
        while True:
            async with context.database.write() as session:
                rows = await _lock_rows(session, table, last)
                await _log_baseline(context, session, table, rows)
            written += len(rows)
            if len(rows) < BASELINE_BATCH_ROWS:
                break
            last = tuple(rows[-1][one.key] for one in table.primary_key)
    if marks:
        async with context.database.write() as session:
            await execute_core(session, log_cursor.delete().where(is_mark))
    return written


async def _lock_rows(
    session: AsyncSession, table: sa.Table, last: tuple[Any, ...] | None
) -> list[dict[str, Any]]:
    keys = list(table.primary_key)
    query = sa.select(table).order_by(*keys).limit(BASELINE_BATCH_ROWS).with_for_update(read=True)
    if last is not None:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last, [one.type for one in keys])))
    return [row._asdict() for row in await execute_core(session, query)]


async def _log_baseline(
    context: ServiceContext, session: AsyncSession, table: sa.Table, rows: list[dict[str, Any]]
) -> None:
    if not rows:
        return
    note_rows(session, table, rows)
    event = EventRecord(
        RecordsBaselined(table=table.name, count=len(rows)), "records", 0, context.settings.district
    )
    await publish_many(session, [event], actor=context.service_actor(), at=context.clock())
