"""What waits for a person in one service: counted and listed in one statement, from the declarations of its record kinds.

A record waits for a caller who may make a move that its lifecycle offers from its state, unless four eyes forbid it, or who
has the permission of a `Todo` whose condition holds. Guards are not asked, but those with a twin in SQL that decide whose turn it is.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlmodel import UTCDateTime

from shared.auth import May
from shared.china import LabelledEnum
from shared.db import KeptStatement, execute_core
from shared.errors import NotFound
from shared.lifecycle.table import Transition
from shared.records.kept_answers import KeptAnswer, find_mark, is_told_by_log
from shared.records.kinds import RecordKind, StateLimits, Todo, Turn
from shared.rules import RuleKey
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NEAR_DAYS = 3
"""Days before a deadline from which a record is near it, where no rule says otherwise."""
MAX_FIRST_ROWS = 50
MOMENT_PREFIX = "days_ago_"
MAX_KEPT_STATEMENTS = 500
"""Statements of callers that are kept, of some 15 kB each: building one costs ten times what sending it does."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TimeLimits:
    """Days a record may stay in each state, and days before the limit from which it is near."""

    ref: str
    days: Mapping[str, int]
    near: int

    def near_days(self, state: str) -> int | None:
        """Days in a state after which a record is near its limit or over it."""
        days = self.days.get(state)
        return None if days is None else max(days - self.near, 0)


@dataclass(frozen=True)
class WorklistItem:
    """One list of records that wait for the caller: the condition of its rows, and how late they are reckoned."""

    kind: RecordKind
    source: Turn | Todo
    build_condition: Callable[[], sa.ColumnElement[bool]]
    actions: tuple[LabelledEnum, ...] = ()
    limits: TimeLimits | None = None

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        """Which records are on it; built when it is asked for, as counts are often sent by a kept statement."""
        return self.build_condition()

    @property
    def key(self) -> str:
        """Its stable name."""
        own = self.source.item_key if isinstance(self.source, Turn) else self.source.key
        return self.kind.item_key(own)

    @property
    def state(self) -> str:
        """The state its records are in; empty when it is not about a state."""
        return self.source.state.value if isinstance(self.source, Turn) else ""

    @property
    def due_column(self) -> sa.Column[Any] | None:
        """The day by which a row must be done."""
        name = (self.source.due if isinstance(self.source, Todo) else "") or self.kind.due
        return self.kind.table.c[name] if name else None

    def late_condition(self, work: UnitOfWork) -> sa.ColumnElement[bool]:
        """Whether a row is over its deadline."""
        if self.limits is not None and (days := self.limits.days.get(self.state)) is not None:
            return self.kind.since_column < _moment_before(work, days)
        return sa.false() if self.due_column is None else self.due_column < work.today

    def near_condition(self, work: UnitOfWork) -> sa.ColumnElement[bool]:
        """Whether a row is near its deadline, and not over it."""
        if self.limits is not None and (days := self.limits.near_days(self.state)) is not None:
            moment = _moment_before(work, days)
            return sa.and_(self.kind.since_column < moment, sa.not_(self.late_condition(work)))
        if self.due_column is None:
            return sa.false()
        return self.due_column.between(work.today, work.today + timedelta(days=NEAR_DAYS))


def _moment_before(work: UnitOfWork, days: int) -> sa.BindParameter[datetime]:
    """The moment so many days ago; its name tells a kept statement which moment it is."""
    return sa.bindparam(f"{MOMENT_PREFIX}{days}", work.at - timedelta(days=days), type_=UTCDateTime())


@dataclass(slots=True)
class ItemCount:
    """How many records wait in one list, how many of them are late and near, and since when the first waits."""

    count: int = 0
    late: int = 0
    near: int = 0
    oldest: datetime | None = None
    rows: list[sa.Row[Any]] = field(default_factory=list)


class WorkAction(BaseModel):
    """可办事项."""

    action: str
    label: str


class WorkRow(BaseModel):
    """等待办理的一条记录."""

    item: str
    kind: str
    kind_label: str
    id: str
    title: str
    region: str
    state: str
    state_label: str
    version: int
    since: datetime = Field(description="从何时起等待")
    waiting_days: int
    due_on: date | None = Field(description="应办结日期")
    late: bool
    actions: list[WorkAction]
    address: str = Field(description="这条记录的地址")


class WorkItem(BaseModel):
    """一类待办: how many, and the address that lists exactly them."""

    key: str
    label: str
    kind: str
    state: str
    actions: list[WorkAction]
    count: int
    late: int
    near: int
    oldest: datetime | None = Field(description="等得最久的从何时起")
    rows: str = Field(description="这些记录的地址")


class ShortcutRead(BaseModel):
    """常用办理."""

    label: str
    method: str
    address: str


class Worklist(BaseModel):
    """一个服务里等本人办理的事项, 逾期的在前."""

    service: str
    waiting: int
    late: int
    items: list[WorkItem]
    first: list[WorkRow] = Field(description="最急的几条")
    shortcuts: list[ShortcutRead] = Field(description="本人可以从首页办理的")


async def list_items(work: UnitOfWork, kinds: Iterable[RecordKind]) -> list[WorklistItem]:
    """Every list of records that can wait for this caller."""
    found: list[WorklistItem] = []
    for kind in kinds:
        items = [*_list_turns(work, kind), *_list_todos(work, kind)]
        if items and kind.limits is not None:
            limits = await load_limits(work, kind.limits)
            items = [replace(one, limits=limits) for one in items]
        found += items
    return found


async def load_limits(work: UnitOfWork, key: RuleKey[StateLimits]) -> TimeLimits:
    """The time limits in force."""
    rule = await work.get_rule(key)
    return TimeLimits(rule.ref, rule.value.days, rule.value.near)


def _list_turns(work: UnitOfWork, kind: RecordKind) -> list[WorklistItem]:
    found = []
    for one in kind.turns:
        rows = [row for row in kind.transitions_of(one) if work.actor.can(row.may)]
        if rows:
            condition = partial(_build_turn_condition, work, kind, one, rows)
            found.append(WorklistItem(kind, one, condition, tuple(row.action for row in rows)))
    return found


def _build_turn_condition(
    work: UnitOfWork, kind: RecordKind, one: Turn, rows: Sequence[Transition[Any, Any, Any]]
) -> sa.ColumnElement[bool]:
    moves = []
    for row in rows:
        parts = [kind.acting_scope(work, row.may, one.owner)]
        parts += [kind.table.c[name].not_in(work.actor.own_accounts) for name in row.four_eyes]
        parts += [kind.twins[guard](work) for guard in row.guards if guard in kind.twins]
        if kind.whose is not None:
            parts.append(kind.whose(work, row.may))
        moves.append(sa.and_(*parts))
    return sa.and_(kind.table.c["state"] == one.state, sa.or_(*moves))


def _list_todos(work: UnitOfWork, kind: RecordKind) -> list[WorklistItem]:
    found = []
    for one in kind.todo:
        mays = [may for may in one.may if work.actor.can(may)]
        if mays:
            found.append(WorklistItem(kind, one, partial(_build_todo_condition, work, kind, one, mays)))
    return found


def _build_todo_condition(
    work: UnitOfWork, kind: RecordKind, one: Todo, mays: Sequence[May]
) -> sa.ColumnElement[bool]:
    own = one.owner or kind.owner
    scopes = [kind.acting_scope(work, may, one.owner) for may in mays]
    if own:  # what waits for one person waits for nobody else, whoever else may read it
        scopes = [sa.and_(scope, kind.table.c[own] == work.actor.id) for scope in scopes]
    return sa.and_(one.condition(work), sa.or_(*scopes))


async def count_items(
    work: UnitOfWork, items: Sequence[WorklistItem], *, first: int = 0
) -> dict[str, ItemCount]:
    """Counts of all lists, and the `first` rows of each, in one statement; lists without rows are left out."""
    if not items:
        return {}
    found: dict[str, ItemCount] = {one.key: ItemCount() for one in items}
    for row in await _execute_counts(work, items, first):
        if row.id is not None:
            found[row.item].rows.append(row)
        else:
            one = found[row.item]
            one.count, one.late, one.near, one.oldest = row.number, row.late, row.near, row.since
    return {key: one for key, one in found.items() if one.count}


@dataclass(slots=True)
class _Counting:
    """The statement of a caller and a day, and what it answered last."""

    statement: KeptStatement
    is_told: bool
    """Whether the event log tells of every change that its answer follows from."""
    answer: KeptAnswer | None = None


async def _execute_counts(
    work: UnitOfWork, items: Sequence[WorklistItem], first: int
) -> Sequence[sa.Row[Any]]:
    """The counts, from a statement that is kept for a caller and a day; it is sent again after a change, and when a row becomes late."""
    limits = tuple(
        (one.key, one.limits.days[one.state], one.limits.near)
        for one in items
        if one.limits is not None and one.state in one.limits.days
    )
    key = (work.actor, work.context.mergers, work.today, first, tuple(one.key for one in items), limits)
    kept: OrderedDict[Any, _Counting] = work.context.memory.setdefault("worklist", OrderedDict())
    counting = kept.get(key)
    if counting is None:
        counting = kept[key] = _build_counting(work, items, first)
        while len(kept) > MAX_KEPT_STATEMENTS:
            kept.popitem(last=False)
    mark = await find_mark(work) if counting.is_told else None
    if counting.answer is not None and counting.answer.holds(mark, work.at):
        rows: Sequence[sa.Row[Any]] = counting.answer.value
        return rows
    statement = counting.statement
    moments = {
        name: work.at - timedelta(days=int(name.removeprefix(MOMENT_PREFIX)))
        for name in statement.values
        if name.startswith(MOMENT_PREFIX)
    }
    rows = list(await statement.execute(work.session, **moments))
    if mark is not None:
        counting.answer = KeptAnswer(rows, mark, work.at, _find_next_change(work, items, rows))
    return rows


def _build_counting(work: UnitOfWork, items: Sequence[WorklistItem], first: int) -> _Counting:
    arms: list[Any] = [_count_arm(work, one) for one in items]
    if first:
        arms += [_rows_arm(one, first) for one in items]
    query, dialect = sa.union_all(*arms), work.session.get_bind().dialect
    return _Counting(KeptStatement(query, dialect), dialect.name == "sqlite" or is_told_by_log(query))


def _find_next_change(
    work: UnitOfWork, items: Sequence[WorklistItem], rows: Sequence[sa.Row[Any]]
) -> datetime:
    """Until when no row becomes near or late by the time of day; days are another matter, the statement is of one."""
    limits = {one.key: one.limits for one in items}
    states = {one.key: one.state for one in items}
    found = [work.at + ONE_DAY]
    for row in rows:
        limit = limits[row.item]
        if limit is not None and row.next_late is not None:
            found.append(row.next_late + timedelta(days=limit.days[states[row.item]]))
        if limit is not None and row.next_near is not None:
            found.append(row.next_near + timedelta(days=limit.near_days(states[row.item]) or 0))
    return min(found)


def _count_arm(work: UnitOfWork, item: WorklistItem) -> Any:  # noqa: ANN401 - a select
    def number(condition: sa.ColumnElement[bool], name: str) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(name)

    def first_not(condition: sa.ColumnElement[bool], name: str) -> sa.ColumnElement[datetime]:
        if item.limits is None or item.state not in item.limits.days:
            return sa.cast(sa.null(), UTCDateTime()).label(name)
        waiting = sa.case((sa.not_(condition), item.kind.since_column))
        return sa.func.min(waiting, type_=UTCDateTime()).label(name)

    late, near = item.late_condition(work), item.near_condition(work)
    return sa.select(
        sa.literal(item.key).label("item"),
        sa.func.count().label("number"),
        number(late, "late"),
        number(near, "near"),
        sa.func.min(item.kind.since_column, type_=UTCDateTime()).label("since"),
        sa.cast(sa.null(), sa.Uuid()).label("id"),
        sa.cast(sa.null(), sa.String()).label("title"),
        sa.cast(sa.null(), sa.String()).label("region"),
        sa.cast(sa.null(), sa.String()).label("state"),
        sa.cast(sa.null(), sa.Integer()).label("version"),
        sa.cast(sa.null(), sa.Date()).label("due"),
        first_not(late, "next_late"),
        first_not(sa.or_(late, near), "next_near"),
    ).where(item.condition)


def _row_columns(item: WorklistItem) -> list[sa.ColumnElement[Any]]:
    columns = item.kind.table.c
    state = columns["state"] if "state" in columns else sa.literal("")
    due = item.due_column
    return [
        columns[item.kind.key].label("id"),
        sa.type_coerce(columns[item.kind.title], sa.String()).label("title"),
        columns[item.kind.region].label("region"),
        sa.type_coerce(state, sa.String()).label("state"),
        (columns["version"] if "version" in columns else sa.literal(0)).label("version"),
        (sa.cast(sa.null(), sa.Date()) if due is None else due).label("due"),
    ]


def _rows_arm(item: WorklistItem, first: int) -> Any:  # noqa: ANN401 - a select
    zero = sa.literal(0)
    inner = sa.select(
        sa.literal(item.key).label("item"),
        zero.label("number"),
        zero.label("late"),
        zero.label("near"),
        sa.type_coerce(item.kind.since_column, UTCDateTime()).label("since"),
        *_row_columns(item),
        *(sa.cast(sa.null(), UTCDateTime()).label(name) for name in ("next_late", "next_near")),
    ).where(item.condition)
    due = item.due_column
    orders = [] if due is None else [due.is_(None), due]
    inner = inner.order_by(*orders, item.kind.since_column, item.kind.table.c[item.kind.key])
    return sa.select(inner.limit(first).subquery())


async def get_worklist(work: UnitOfWork, kinds: Sequence[RecordKind], *, first: int = 0) -> Worklist:
    """What waits for the caller in this service, counted by list, with the most urgent rows of all lists."""
    items = await list_items(work, kinds)
    counts = await count_items(work, items, first=first)
    found = [one for one in items if one.key in counts]
    rows = [build_row(work, one, row) for one in found for row in counts[one.key].rows]
    rows.sort(key=_urgency)
    return Worklist(
        service=work.context.name,
        waiting=sum(counts[one.key].count for one in found),
        late=sum(counts[one.key].late for one in found),
        items=[_build_item(work, one, counts[one.key]) for one in found],
        first=_drop_repeated(rows)[:first],
        shortcuts=[
            ShortcutRead(label=one.label, method=one.method, address=f"/api/v1{one.path}")
            for kind in kinds
            for one in kind.shortcuts
            if work.actor.can(one.may)
        ],
    )


def _drop_repeated(rows: list[WorkRow]) -> list[WorkRow]:
    """A record that waits under two headings is listed under the first."""
    return list({(row.kind, row.id): row for row in reversed(rows)}.values())[::-1]


def _urgency(row: WorkRow) -> tuple[bool, date, datetime]:
    return not row.late, row.due_on or date.max, row.since


def _build_item(work: UnitOfWork, item: WorklistItem, counted: ItemCount) -> WorkItem:
    return WorkItem(
        key=item.key,
        label=item.source.words,
        kind=item.kind.name,
        state=item.state,
        actions=_build_actions(item),
        count=counted.count,
        late=counted.late,
        near=counted.near,
        oldest=counted.oldest,
        rows=f"/api/v1/{work.context.name}/worklist/{item.key}",
    )


def _build_actions(item: WorklistItem) -> list[WorkAction]:
    return [WorkAction(action=one, label=one.label) for one in item.actions]


def build_row(work: UnitOfWork, item: WorklistItem, row: Any) -> WorkRow:  # noqa: ANN401 - a row of `_row_columns`
    """One waiting record as the worklist shows it."""
    due: date | None = row.due
    limit = None if item.limits is None else item.limits.days.get(item.state)
    if limit is not None:
        due = (row.since + timedelta(days=limit)).astimezone(CHINA_TIME_ZONE).date()
        late = row.since < work.at - timedelta(days=limit)
    else:
        late = due is not None and due < work.today
    return WorkRow(
        item=item.key,
        kind=item.kind.name,
        kind_label=item.kind.label,
        id=str(row.id),
        title=row.title or item.kind.label,
        region=row.region,
        state=row.state,
        state_label=_state_label(item.kind, row.state),
        version=row.version,
        since=row.since,
        waiting_days=(work.at - row.since) // ONE_DAY,
        due_on=due,
        late=late,
        actions=_build_actions(item),
        address=f"/api/v1{item.kind.detail_address(row.id)}",
    )


def _state_label(kind: RecordKind, state: str) -> str:
    labels = kind.lifecycle.states.labels() if kind.lifecycle is not None else {}
    return str(labels.get(state, ""))


async def list_rows(
    work: UnitOfWork, item: WorklistItem, after: tuple[datetime, UUID] | None, limit: int
) -> list[sa.Row[Any]]:
    """Records of one list after a place in it, the longest wait first."""
    since, key = item.kind.since_column, item.kind.table.c[item.kind.key]
    columns = [sa.type_coerce(since, UTCDateTime()).label("since"), *_row_columns(item)]
    query = sa.select(*columns).where(item.condition)
    if after is not None:
        query = query.where(sa.or_(since > after[0], sa.and_(since == after[0], key > after[1])))
    return list(await execute_core(work.session, query.order_by(since, key).limit(limit)))


async def find_item(work: UnitOfWork, kinds: Iterable[RecordKind], key: str) -> WorklistItem:
    """One list of the caller's worklist; NotFound when nothing of it can wait for them."""
    found = next((one for one in await list_items(work, kinds) if one.key == key), None)
    if found is None:
        raise NotFound("没有这一类待办", f"Nothing of {key} can wait for you")
    return found


__all__ = [
    "MAX_FIRST_ROWS",
    "TimeLimits",
    "WorkAction",
    "WorkItem",
    "WorkRow",
    "Worklist",
    "WorklistItem",
    "build_row",
    "count_items",
    "find_item",
    "get_worklist",
    "list_items",
    "list_rows",
    "load_limits",
]
