"""What the event log of attendance proves: rows by their digests, check-ins by the events that recorded them."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.tables import Base
from shared.clients.attendance import CheckInCorrected, CheckInRecorded
from shared.db import ProvedTables, event_log, execute_core
from shared.db.row_changes import canonical_value
from shared.events.fsck import Difference, DifferenceKind, Fsck, Told, build_difference

COMPARED = (
    "its columns in the event that recorded it are compared; positions are made coarse after a set time"
)
POSITION = frozenset({"lon", "lat", "place", "coarse"})
TRANSPORT = "tells of transport, not of presence"
RECORDED = (CheckInRecorded.topic, CheckInCorrected.topic)
TABLE: sa.Table = CheckIn.__table__  # type: ignore[attr-defined]
TOLD_COLUMNS = ("person", "work_date", "kind", "verdict", "result", "post_id", "taken_at")
"""Columns of a check-in that its event states; a correction states the first three."""
CHECK_ROWS = 500


async def check_check_ins(session: AsyncSession, _told: Told) -> AsyncIterator[Difference]:
    """Each check-in against the event that recorded it, and each such event against its check-in."""
    matched, last = 0, None
    while True:
        query = sa.select(TABLE).order_by(TABLE.c.id).limit(CHECK_ROWS)
        page = list(await execute_core(session, query if last is None else query.where(TABLE.c.id > last)))
        events = await _read_events(session, [str(row.id) for row in page])
        matched += len(events)
        for row in page:
            if found := _compare(row, events.get(str(row.id))):
                yield found
        if len(page) < CHECK_ROWS:
            break
        last = page[-1].id
    recorded = sa.select(sa.func.count(event_log.c.subject.distinct())).where(event_log.c.type.in_(RECORDED))
    if (await execute_core(session, recorded)).scalar_one() != matched:
        async for key in _list_missing(session):
            yield build_difference(
                DifferenceKind.MISSING, TABLE.name, key, f"打卡 {key} 被删除: 日志里有它的记录"
            )


async def _read_events(session: AsyncSession, subjects: list[str]) -> dict[str, Any]:
    log = event_log.c
    query = sa.select(log.subject, log.region, log.actor, log.after).where(
        log.subject.in_(subjects), log.type.in_(RECORDED)
    )
    return {row.subject: row for row in await execute_core(session, query)}


def _compare(row: Any, told: Any) -> Difference | None:  # noqa: ANN401 - rows
    key = str(row.id)
    if told is None:
        words = f"打卡 {key} 没有来历: 日志里没有写入它的记录"
        return build_difference(DifferenceKind.UNTOLD, TABLE.name, key, words)
    stated = {"region": told.region, "created_by": told.actor} | {
        name: told.after[name] for name in TOLD_COLUMNS if name in told.after
    }
    pairs = list(_list_unequal(stated, row))
    if not pairs:
        return None
    return build_difference(DifferenceKind.CHANGED, TABLE.name, key, f"打卡 {key}: {'; '.join(pairs)}")


def _list_unequal(stated: dict[str, Any], row: Any) -> Iterable[str]:  # noqa: ANN401 - a row
    for name, told in stated.items():
        value = getattr(row, name)
        wanted = datetime.fromisoformat(told) if name == "taken_at" else told
        if canonical_value(value) != canonical_value(wanted) and (value or wanted):
            yield f"{name}: 日志里是 {told!r}, 表里是 {canonical_value(value)!r}"


async def _list_missing(session: AsyncSession) -> AsyncIterator[str]:
    """Subjects of recorded check-ins that have no row."""
    log, last = event_log.c, 0
    while True:
        query = sa.select(log.seq, log.subject).where(log.seq > last, log.type.in_(RECORDED))
        page = list(await execute_core(session, query.order_by(log.seq).limit(CHECK_ROWS)))
        ids = [UUID(row.subject) for row in page]
        there = set((await execute_core(session, sa.select(TABLE.c.id).where(TABLE.c.id.in_(ids)))).scalars())
        for key in ids:
            if key not in there:
                yield str(key)
        if len(page) < CHECK_ROWS:
            return
        last = page[-1].seq


FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "check_in": COMPARED,
            "recount": "days that are still to be evaluated again",
            "device": TRANSPORT,
            "punch": TRANSPORT,
            "import_run": TRANSPORT,
            "pull_channel": TRANSPORT,
            "personal_message": TRANSPORT,
        },
        derived={"visit": POSITION},
    ),
    checks=(check_check_ins,),
)
