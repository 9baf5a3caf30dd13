"""Answers that are kept until a row they were made of changes: what many ask every minute is counted once a change.

A mark stands for the state of the service's tables. It is read anew for each request, so a kept answer is never an old one:
on SQLite it is the file's own counter of commits, on PostgreSQL it moves with every transaction that wrote to the event log,
which tells of each change of a proved row (shared/db/row_changes.py).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import Response
from pydantic import BaseModel
from sqlalchemy.sql import visitors

from shared.db import event_log
from shared.db.read_lane import READ_LANE, SqliteLane, fetch_rows
from shared.db.row_changes import get_proofs
from shared.events.epoch import TX_OFFSET_SQL
from shared.unit_of_work import UnitOfWork

MAX_AGE = timedelta(minutes=1)
"""Of a page, since rules in memory may be some seconds older than the mark it was made under."""
MAX_KEPT_PAGES = 300
LOG_MARK, KEPT_PAGES = "log_mark", "kept_pages"
"""Names in the memory of a service."""
MARK_SQL = f"""
SELECT pg_current_snapshot()::text, {TX_OFFSET_SQL}, (
    SELECT told.tx FROM event_log AS told
    WHERE told.tx >= {TX_OFFSET_SQL} + pg_snapshot_xmin(%(seen)s::pg_snapshot)::text::bigint
    AND NOT pg_visible_in_snapshot(
        greatest(told.tx - {TX_OFFSET_SQL}, 0)::text::xid8, %(seen)s::pg_snapshot)
    ORDER BY told.tx, told.seq LIMIT 1)
"""  # noqa: S608 - our own text
"""The snapshot of now, and whether the log has a row that an earlier one did not show. In the order of an index: a kept plan
knows no values, and would read the whole log where it may expect to find such a row soon.
"""


@dataclass(slots=True)
class _LogMark:
    """The last snapshot that was looked at, and how often a look found new rows."""

    snapshot: str | None = None
    offset: int = 0
    number: int = 0


async def find_mark(work: UnitOfWork) -> Hashable | None:
    """What stays equal while no proved row changes; None inside a transaction, whose own changes it would not tell of."""
    lane = work.session.info.get(READ_LANE)
    if lane is None:
        return None
    if isinstance(lane, SqliteLane):
        return await lane.read_version()
    mark: _LogMark = work.context.memory.setdefault(LOG_MARK, _LogMark())
    ((snapshot, offset, told),) = await fetch_rows(work.session, MARK_SQL, {"seen": mark.snapshot})
    # Without an await from here on: who reads the number next reads the tables after this look.
    if told is not None or offset != mark.offset:
        mark.number += 1
    mark.snapshot, mark.offset = snapshot, offset
    return mark.number


def is_told_by_log(query: sa.SelectBase) -> bool:
    """Whether a select reads only tables and columns whose every change the event log tells of."""
    elements = list(visitors.iterate(query))
    columns = {str(one.key) for one in elements if isinstance(one, sa.Column)}
    tables = {one for one in elements if isinstance(one, sa.Table) and one.name != event_log.name}
    return all(
        (proofs := get_proofs(one)) is not None and not columns & proofs.derived.get(one.name, frozenset())
        for one in tables
    )


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, the mark it was made under, and from when until when it holds."""

    value: Any
    mark: Hashable
    made_at: datetime
    until: datetime

    def holds(self, mark: Hashable | None, at: datetime) -> bool:
        """Whether it is the answer under this mark at this time."""
        return mark is not None and mark == self.mark and self.made_at <= at <= self.until


async def keep_page(
    work: UnitOfWork, name: str, filters: Hashable, make: Callable[[], Awaitable[BaseModel]]
) -> Response:
    """The page of a caller and a day, kept for `MAX_AGE` or until the mark moves.

    `make` must read what this service's log tells of, what follows from it in the same transaction, rules, and its `filters`.
    """
    kept: OrderedDict[Hashable, KeptAnswer] = work.context.memory.setdefault(KEPT_PAGES, OrderedDict())
    key = (name, filters, work.actor, work.context.mergers, work.today)
    mark, found = await find_mark(work), kept.get(key)
    if found is not None and found.holds(mark, work.at):
        return Response(found.value, media_type="application/json")
    body = (await make()).model_dump_json(by_alias=True).encode()
    if mark is not None:
        kept[key] = KeptAnswer(body, mark, work.at, work.at + MAX_AGE)
        while len(kept) > MAX_KEPT_PAGES:
            kept.popitem(last=False)
    return Response(body, media_type="application/json")


__all__ = ["KeptAnswer", "find_mark", "is_told_by_log", "keep_page"]
