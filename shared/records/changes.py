"""What changed for one caller in one service: the current rows of the kinds that phones keep, and what is gone.

A kind is sent once from its table in the order of its key (a snapshot), then by the subjects of the visible log after the
position at which the snapshot began. Kinds that no event tells of are compared by a digest. One page takes three statements:
positions and digests, subjects, rows.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field

from shared.auth import Actor
from shared.db import event_log, execute_core, log_epoch
from shared.events.epoch import LOG_START, Cursor
from shared.events.log import (
    after_cursor,
    format_cursor,
    is_visible,
    parse_cursor,
    up_to_cursor,
)
from shared.records.kinds import RecordKind
from shared.request_body import StrictModel
from shared.rules.registry import ancestor_codes
from shared.unit_of_work import UnitOfWork

MAX_SUBJECTS = 500
"""Subjects of the log in one page."""
MAX_SNAPSHOT_ROWS = 200
"""Rows of one kind in one page of a snapshot."""


class SyncState(StrictModel):
    """Where a caller is in one service; services/sync keeps it in its cursor."""

    position: str = ""
    scope: str = ""
    kinds: list[str] = Field([])
    queue: list[tuple[str, str]] = Field([], description="kinds still to be sent whole, each after a key")
    digests: dict[str, str] = Field({})


class ChangesRequest(StrictModel):
    """What services/sync asks."""

    state: SyncState | None = None
    kinds: list[str] = Field([], description="empty: every kind that phones keep")
    anew: list[str] = Field([], description="kinds to be sent whole again")
    max_bytes: int = Field(ge=1_000, le=400_000)


class ChangedRecord(BaseModel):
    """一条记录现在的内容."""

    kind: str
    id: str
    row: Any


class GoneRecord(BaseModel):
    """已删除, 或已不在本人范围内."""

    kind: str
    id: str


class StateHash(BaseModel):
    """一种记录的校验值: SHA-256 over sorted lines `id:version`."""

    count: int
    digest: str


class ServiceChanges(BaseModel):
    """一个服务里的变化."""

    state: SyncState
    records: list[ChangedRecord] = []
    gone: list[GoneRecord] = []
    anew: list[str] = Field(
        [], description="kinds whose sending begins again: what is kept of them is replaced"
    )
    more: bool = False
    reset: bool = Field(False, description="the position is not of this log")
    hashes: dict[str, StateHash] = {}


@dataclass
class _Page:
    """One page while it is filled."""

    max_bytes: int
    size: int = 0
    records: list[ChangedRecord] = field(default_factory=list)

    def add(self, kind: RecordKind, row: Any) -> bool:  # noqa: ANN401 - a record
        """Add a row; False when the page is full without it."""
        shown = kind.read.model_validate(row).model_dump(mode="json")
        size = len(json.dumps(shown, ensure_ascii=False).encode()) + 100
        if self.records and self.size + size > self.max_bytes:
            return False
        self.size += size
        self.records.append(ChangedRecord(kind=kind.name, id=str(getattr(row, kind.key)), row=shown))
        return True


def list_phone_kinds(
    actor: Actor, kinds: Iterable[RecordKind], names: Sequence[str] = ()
) -> list[RecordKind]:
    """The kinds that phones keep and the caller may read, parents first."""
    found = [one for one in kinds if one.phone and actor.can(one.may) and (not names or one.name in names)]
    known = {one.name for one in found}
    ordered: list[RecordKind] = []
    while found:
        done = {one.name for one in ordered}
        ready = [
            one for one in found if not (set(one.parents.values()) & known) - done - {one.name}
        ] or found[:1]
        ordered += ready
        found = [one for one in found if one not in ready]
    return ordered


async def list_changes(
    work: UnitOfWork, kinds: Sequence[RecordKind], asked: ChangesRequest
) -> ServiceChanges:
    """The next page for the caller."""
    mine = list_phone_kinds(work.actor, kinds, asked.kinds)
    if not mine:
        return ServiceChanges(state=asked.state or SyncState())
    epoch, last, digests = await _read_heads(work, mine)
    state = asked.state.model_copy(deep=True) if asked.state is not None else SyncState()
    if state.position and not _is_known_position(state.position, epoch, last):
        return await _describe_reset(work, mine, format_cursor(epoch, last), digests)
    anew = _list_anew(work.actor, mine, state, digests, asked.anew)
    state.queue = [one for one in state.queue if one[0] not in anew] + [(name, "") for name in anew]
    state.kinds, state.digests = [one.name for one in mine], digests
    state.scope = _scope_fingerprint(work.actor, mine)
    if not state.position:
        state.position = format_cursor(epoch, last)
    page = _Page(asked.max_bytes)
    if state.queue:
        await _fill_from_snapshot(work, mine, state, page)
        return ServiceChanges(state=state, records=page.records, anew=anew, more=True)
    gone, more = await _fill_from_log(work, mine, state, page, (epoch, last))
    return ServiceChanges(state=state, records=page.records, gone=gone, more=more)


def _list_anew(
    actor: Actor,
    kinds: Sequence[RecordKind],
    state: SyncState,
    digests: dict[str, str],
    asked: Sequence[str],
) -> list[str]:
    """Kinds that are sent whole: new ones, those asked for, all after a change of grants, silent ones that changed."""
    moved = state.scope != _scope_fingerprint(actor, kinds)
    return [
        one.name
        for one in kinds
        if moved
        or one.name not in state.kinds
        or one.name in asked
        or state.digests.get(one.name) != digests.get(one.name)
    ]


def _scope_fingerprint(actor: Actor, kinds: Sequence[RecordKind]) -> str:
    reaches = sorted(
        {(str(reach), low, high) for kind in kinds for reach, low, high in actor.list_reaches(kind.may)}
    )
    text = json.dumps([actor.id, actor.own_accounts, reaches, [grant.region for grant in actor.grants]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_known_position(text: str, epoch: str, last: Cursor) -> bool:
    name, position = parse_cursor(text)
    return name == epoch and position <= last


async def _read_heads(work: UnitOfWork, kinds: Sequence[RecordKind]) -> tuple[str, Cursor, dict[str, str]]:
    """The epoch, the last visible position, and the digests of kinds that no event tells of: one statement."""
    log = event_log.c
    last = (
        sa.select(log.tx, log.seq)
        .where(is_visible(work.session))
        .order_by(log.tx.desc(), log.seq.desc())
        .limit(1)
        .subquery()
    )
    name = sa.select(log_epoch.c.epoch).order_by(log_epoch.c.number.desc()).limit(1).scalar_subquery()
    silent = [one for one in kinds if not one.topics and not one.told_by]
    columns = [
        part.label(f"d{at}_{nth}")
        for at, one in enumerate(silent)
        for nth, part in enumerate(_digest_columns(work, one))
    ]
    tx = sa.select(last.c.tx).scalar_subquery().label("tx")
    seq = sa.select(last.c.seq).scalar_subquery().label("seq")
    row: Any = (await execute_core(work.session, sa.select(name.label("epoch"), tx, seq, *columns))).one()
    found = row._asdict()
    digests = {
        one.name: "/".join(str(found[f"d{at}_{nth}"]) for nth in range(len(_digest_columns(work, one))))
        for at, one in enumerate(silent)
    }
    return row.epoch or "", (LOG_START if row.tx is None else (row.tx, row.seq)), digests


def _digest_columns(work: UnitOfWork, kind: RecordKind) -> list[sa.ScalarSelect[Any]]:
    columns = kind.table.c
    parts: list[sa.ColumnElement[Any]] = [sa.func.count()]
    parts += [sa.func.sum(columns["version"])] if "version" in columns else []
    return [
        sa.select(part).select_from(kind.table).where(kind.visible_condition(work)).scalar_subquery()
        for part in parts
    ]


async def _fill_from_snapshot(
    work: UnitOfWork, kinds: Sequence[RecordKind], state: SyncState, page: _Page
) -> None:
    """Rows of the kinds in the queue, in its order, each by its key."""
    by_name = {one.name: one for one in kinds}
    queue = [(by_name[name], after) for name, after in state.queue if name in by_name]
    arms = []
    for kind, after in queue:
        key = kind.table.c[kind.key]
        conditions = [kind.visible_condition(work)]
        if after:
            conditions.append(key > _parse_key(key, after))
        arms.append((kind, conditions, key, MAX_SNAPSHOT_ROWS))
    rows = await _read_rows(work, arms)
    left: list[tuple[str, str]] = []
    full = False
    for kind, after in queue:
        reached = after
        for row in rows[kind.name]:
            full = full or not page.add(kind, row)
            if full:
                break
            reached = str(getattr(row, kind.key))
        if full or len(rows[kind.name]) == MAX_SNAPSHOT_ROWS:
            left.append((kind.name, reached))
    state.queue = left


async def _fill_from_log(
    work: UnitOfWork, kinds: Sequence[RecordKind], state: SyncState, page: _Page, head: tuple[str, Cursor]
) -> tuple[list[GoneRecord], bool]:
    """Rows of the subjects that the log names after the position, and what is gone; whether more can be read."""
    epoch, last = head
    position = parse_cursor(state.position)[1]
    if position >= last:
        return [], False
    told, more = await _list_told(work, kinds, position, last)
    rows = await _read_rows(work, _list_log_arms(work, kinds, told))
    by_subject: dict[str, list[tuple[RecordKind, Any]]] = defaultdict(list)
    for kind in kinds:
        for row in rows.get(kind.name, ()):
            for name in (kind.key, *kind.told_by.values()):
                by_subject[str(getattr(row, name))].append((kind, row))
    sent: set[int] = set()
    for at, entry in enumerate(told):
        fresh = [one for one in by_subject[entry.subject] if id(one[1]) not in sent]
        if not all(page.add(kind, row) for kind, row in fresh):
            told, more = told[: max(at, 1)], True
            break
        sent |= {id(row) for _, row in fresh}
    state.position = format_cursor(epoch, (told[-1].tx, told[-1].seq) if more else last)
    return _list_gone(kinds, told, by_subject), more


def _list_log_arms(
    work: UnitOfWork, kinds: Sequence[RecordKind], told: Sequence[sa.Row[Any]]
) -> list["_Arm"]:
    """Which rows of which kinds the entries of the log name."""
    arms: list[_Arm] = []
    for kind in kinds:
        columns = kind.table.c
        named: dict[str, set[str]] = defaultdict(set)
        for entry in told:
            if entry.type in kind.topics and entry.type not in kind.told_by:
                named[kind.key].add(entry.subject)
            if entry.type in kind.told_by:
                named[kind.told_by[entry.type]].add(entry.subject)
        if named:
            parts = [
                columns[name].in_([_parse_key(columns[name], one) for one in sorted(subjects)])
                for name, subjects in named.items()
            ]
            arms.append((kind, [kind.visible_condition(work), sa.or_(*parts)], columns[kind.key], 0))
    return arms


def _list_gone(
    kinds: Sequence[RecordKind],
    told: Sequence[sa.Row[Any]],
    by_subject: dict[str, list[tuple[RecordKind, Any]]],
) -> list[GoneRecord]:
    """Subjects of the caller's regions without a row in the scope, except those that were made since the position."""
    made = {entry.subject for entry in told if entry.subject_version <= 1 or not entry.is_within}
    gone: dict[tuple[str, str], GoneRecord] = {}
    for entry in told:
        if entry.subject not in made and not by_subject[entry.subject]:
            for kind in kinds:
                if entry.type in kind.topics and entry.type not in kind.told_by:
                    gone[kind.name, entry.subject] = GoneRecord(kind=kind.name, id=entry.subject)
    return list(gone.values())


async def _list_told(
    work: UnitOfWork, kinds: Sequence[RecordKind], position: Cursor, last: Cursor
) -> tuple[list[sa.Row[Any]], bool]:
    """Rows of the log about these kinds in the caller's regions; whether there are more than one page takes.

    A record that is read from outside of its region (`visible`) is told of from the regions above, too: a village
    counts its assets in the stock-taking of its district.
    """
    log = event_log.c
    topics = sorted({topic for one in kinds for topic in (*one.topics, *one.told_by)})
    reaches = {(low, high) for one in kinds for _, low, high in work.actor.list_reaches(one.may)}
    left = log.before["region"].as_string()
    regions = [
        part
        for low, high in sorted(reaches)
        for part in (log.region.between(low, high), left.between(low, high))
    ]
    within = sa.or_(sa.false(), *regions)
    above = sorted({code for low, _ in reaches for code in ancestor_codes(low)})
    shared = {topic for one in kinds if one.visible for topic in one.topics}
    query = (
        sa.select(log.tx, log.seq, log.type, log.subject, log.subject_version, within.label("is_within"))
        .where(after_cursor(position), up_to_cursor(last), is_visible(work.session))
        .where(log.type.in_(topics), sa.or_(within, sa.and_(log.type.in_(shared), log.region.in_(above))))
        .order_by(log.tx, log.seq)
        .limit(MAX_SUBJECTS + 1)
    )
    rows = list(await execute_core(work.session, query))
    return rows[:MAX_SUBJECTS], len(rows) > MAX_SUBJECTS


def _parse_key(column: sa.Column[Any], text: str) -> Any:  # noqa: ANN401 - a key of any type
    return UUID(text) if isinstance(column.type, sa.Uuid) else text


_Arm = tuple[RecordKind, list[sa.ColumnElement[bool]], sa.Column[Any], int]


async def _read_rows(work: UnitOfWork, arms: Sequence[_Arm]) -> dict[str, list[Any]]:
    """Rows of several kinds in one statement; a column that another kind has is NULL."""
    if not arms:
        return {}
    selects = []
    for at, (kind, conditions, key, limit) in enumerate(arms):
        columns: list[sa.ColumnElement[Any]] = [sa.literal(at).label("arm")]
        for nth, (other, *_) in enumerate(arms):
            for column in other.table.c:
                value = column if nth == at else sa.cast(sa.null(), column.type)
                columns.append(value.label(f"c{nth}_{column.key}"))
        query = sa.select(*columns).select_from(kind.table).where(*conditions)
        if limit:
            query = sa.select(query.order_by(key).limit(limit).subquery())
        selects.append(query)
    statement: Any = sa.union_all(*selects) if len(selects) > 1 else selects[0]
    found: dict[str, list[Any]] = {kind.name: [] for kind, *_ in arms}
    for row in await execute_core(work.session, statement):
        values = row._asdict()
        kind = arms[values["arm"]][0]
        own = {column.key: values[f"c{values['arm']}_{column.key}"] for column in kind.table.c}
        is_table = isinstance(kind.model, sa.Table)
        found[kind.name].append(SimpleNamespace(**own) if is_table else kind.model(**own))
    for kind, *_ in arms:
        found[kind.name].sort(key=partial(_read_key, kind))
    return found


def _read_key(kind: RecordKind, row: Any) -> str:  # noqa: ANN401 - a record
    return str(getattr(row, kind.key))


async def _describe_reset(
    work: UnitOfWork, kinds: Sequence[RecordKind], position: str, digests: dict[str, str]
) -> ServiceChanges:
    """What a phone compares with its own rows after the log was replaced, and where it goes on from."""
    hashes = {}
    for kind in kinds:
        columns = kind.table.c
        version = columns["version"] if "version" in columns else sa.literal(0)
        query = sa.select(columns[kind.key], version).where(kind.visible_condition(work))
        rows: list[Any] = list(await execute_core(work.session, query))
        lines = sorted(f"{row[0]}:{row[1]}\n" for row in rows)
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        hashes[kind.name] = StateHash(count=len(lines), digest=digest)
    state = SyncState(
        position=position,
        scope=_scope_fingerprint(work.actor, kinds),
        kinds=[one.name for one in kinds],
        digests=digests,
    )
    return ServiceChanges(state=state, reset=True, hashes=hashes)
