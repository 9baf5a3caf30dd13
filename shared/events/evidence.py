"""Evidence about records: all events about them with their proofs, and the rows that these events left in the tables."""

import base64
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field

from shared.auth import May
from shared.db import event_log, execute_core, log_seal
from shared.db.row_changes import DIGEST, describe_row, parse_key, proved_values, row_key
from shared.events import merkle
from shared.events.audit_log import GENESIS_DIGEST, row_values
from shared.events.fsck import Fsck
from shared.unit_of_work import UnitOfWork

MAX_EVENTS = 2000
MAX_FILES = 200
SCAN_ROWS = 2000
MAX_SEQ = 2**62
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Rows = dict[str, dict[str, dict[str, Any]]]


class ProvedEvent(BaseModel):
    """事件及其包含证明: the row of the log as it was sealed, and the way from it to the root of a head."""

    index: int = Field(description="number of the leaf, from 0")
    before: str = Field(description="digest of the seal before; zeros for the first row")
    digest: str = Field(description="SM3 over `before` and the row; the leaf is SHA-256 of 0x00 and it")
    row: dict[str, Any] = Field(description="the row of the log")
    hashes: list[str] = Field(description="base64, from the leaf upwards, in the order of RFC 9162, 2.1.3")


@dataclass
class EvidencePart:
    """What one service knows: events, and rows by table and key as they are now."""

    size: int
    events: list[ProvedEvent] = field(default_factory=list)
    rows: Rows = field(default_factory=lambda: defaultdict(dict))


async def list_proved_events(
    work: UnitOfWork, condition: sa.ColumnElement[bool], size: int
) -> list[ProvedEvent]:
    """Events of the caller's regions under a condition, among the first `size` sealed ones, with proofs; oldest first."""
    seal, scope = log_seal.c, work.actor.scope_filter(May.LOG_VERIFY, event_log.c.region)
    query = (
        sa.select(event_log, seal.position, seal.digest)
        .join(log_seal, seal.seq == event_log.c.seq)
        .where(condition, scope, seal.position <= size)
        .order_by(seal.position)
        .limit(MAX_EVENTS)
    )
    rows = list(await execute_core(work.session, query))
    places = [row.position - 1 for row in rows]
    query = sa.select(seal.position, seal.digest).where(seal.position.in_(places))
    before = {row.position: row.digest for row in await execute_core(work.session, query)}
    paths = [merkle.list_inclusion_ranges(place, 0, size) for place in places]
    ranges = sorted({one for path in paths for one in path})
    hashes = dict(zip(ranges, await merkle.read_hashes(work.session, ranges), strict=True))
    return [
        ProvedEvent(
            index=row.position - 1,
            before=before.get(row.position - 1, GENESIS_DIGEST),
            digest=row.digest,
            row=row_values({name: row._asdict()[name] for name in event_log.c.keys()}),  # noqa: SIM118 - a collection of columns
            hashes=[base64.b64encode(hashes[one]).decode() for one in path],
        )
        for row, path in zip(rows, paths, strict=True)
    ]


async def collect_evidence(work: UnitOfWork, fsck: Fsck, subjects: Sequence[str]) -> EvidencePart:
    """Events about records and about the files they name, and the rows that these events left."""
    part = EvidencePart(await merkle.read_size(work.session))
    await _add_events(work, fsck, part, event_log.c.subject.in_(subjects))
    files = sorted(set(_UUID.findall(str(dict(part.rows)))) - set(part.rows.get("file", {})))
    if "file" in fsck.metadata.tables and files:
        table = fsck.metadata.tables["file"]
        named = table.c.id.in_([UUID(one) for one in files])
        found = (await execute_core(work.session, sa.select(table.c.id).where(named))).scalars().all()
        if found:
            ids = [str(one) for one in found[:MAX_FILES]]
            await _add_events(work, fsck, part, event_log.c.subject.in_(ids))
    return part


async def _add_events(
    work: UnitOfWork, fsck: Fsck, part: EvidencePart, condition: sa.ColumnElement[bool]
) -> None:
    known = {event.index for event in part.events}
    fresh = [one for one in await list_proved_events(work, condition, part.size) if one.index not in known]
    part.events += fresh
    part.events.sort(key=lambda event: event.index)
    told, places = _last_mentions(part.events)
    keys: dict[str, list[str]] = defaultdict(list)
    for (table, key), described in told.items():
        if described is not None and key not in part.rows[table] and table in fsck.metadata.tables:
            keys[table].append(key)
    later: dict[tuple[str, str], int] = {}
    for name, wanted in keys.items():
        for row in await _read_rows(work, fsck.metadata.tables[name], wanted):
            key = row_key(fsck.metadata.tables[name], row)
            part.rows[name][key] = proved_values(fsck.metadata.tables[name], row)
            if _digest(describe_row(fsck.metadata.tables[name], row)) != _digest(told[name, key]):
                later[name, key] = places[name, key]
    if later:
        await _add_later_events(work, fsck, part, later)


def _digest(described: Any) -> Any:  # noqa: ANN401 - JSON
    return described[DIGEST] if isinstance(described, Mapping) else described


def _last_mentions(
    events: Sequence[ProvedEvent],
) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str], int]]:
    """(table, key) → what the last event that tells of a row says, and the `seq` of that event."""
    told: dict[tuple[str, str], Any] = {}
    places: dict[tuple[str, str], int] = {}
    for event in events:
        for table, keys in event.row.get("records", {}).items():
            told |= {(table, key): described for key, described in keys.items()}
            places |= dict.fromkeys(((table, key) for key in keys), event.row["seq"])
    return told, places


async def _add_later_events(
    work: UnitOfWork, fsck: Fsck, part: EvidencePart, after: dict[tuple[str, str], int]
) -> None:
    """The last event about another record that changed each of these rows; `after` has the last known one.

    Reads backwards from the end of the log, only as far as the last event that is missing.
    """
    log, found, before = event_log.c, [], MAX_SEQ
    columns = (log.seq, log.id, log.records)
    while after:
        query = sa.select(*columns).where(log.seq < before, log.seq > min(after.values()))
        page = list(await execute_core(work.session, query.order_by(log.seq.desc()).limit(SCAN_ROWS)))
        for row in page:
            told = [place for place in after if place[1] in row.records.get(place[0], ())]
            found += [row.id] if told else []
            for place in told:
                del after[place]
        if len(page) < SCAN_ROWS:
            break
        before = page[-1].seq
    known = {event.row["id"] for event in part.events}
    fresh = [one for one in found if str(one) not in known]
    if fresh:
        await _add_events(work, fsck, part, log.id.in_(fresh))


async def _read_rows(work: UnitOfWork, table: sa.Table, keys: Sequence[str]) -> list[dict[str, Any]]:
    columns = list(table.primary_key)
    wanted = [parse_key(table, key) for key in keys]
    if len(columns) == 1:
        condition: sa.ColumnElement[bool] = columns[0].in_([one[0] for one in wanted])
    else:
        condition = sa.or_(*(sa.and_(*(c == v for c, v in zip(columns, one, strict=True))) for one in wanted))
    return [row._asdict() for row in await execute_core(work.session, sa.select(table).where(condition))]
