"""A kind of record is a table on one screen: its addresses, columns, parents, and for whom a record of it waits.

Everything that must know all kinds reads these declarations: the worklist, `/meta` and its forms, docs/records.md, tests.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BaseModel, Field

from shared.auth import May
from shared.china import LabelledEnum
from shared.lifecycle.table import Guard, Lifecycle, Transition
from shared.rules import Code, Days, RuleKey, RuleValue
from shared.unit_of_work import UnitOfWork

DEPARTMENT_COLUMN = "managing_unit"
"""Names a record's 主管部门, whose acts are not another line bureau's."""
Condition = Callable[[UnitOfWork], sa.ColumnElement[bool]]
"""A condition in SQL that depends on who asks and when."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One state in which a record waits for somebody: the moves that end the wait, and what the list is called.

    `owner` names the column of the person whose turn it is, where that is not the owner of the record.
    """

    state: LabelledEnum
    actions: tuple[LabelledEnum, ...]
    words: str
    key: str = ""
    owner: str = ""

    @property
    def item_key(self) -> str:
        """What tells this list from the others of its kind."""
        return self.key or f"state.{self.state}"


def turn(
    state: LabelledEnum,
    actions: LabelledEnum | Iterable[LabelledEnum],
    words: str,
    *,
    key: str = "",
    owner: str = "",
) -> Turn:
    """A row; a lone action may be given bare."""
    found = (actions,) if isinstance(actions, LabelledEnum) else tuple(actions)
    return Turn(state, found, words, key, owner)


@dataclass(frozen=True, slots=True)
class Todo:
    """Records that wait for somebody under a condition that is no state: late, blocked, unread.

    `owner` names the column of the person they wait for, `due` the column of the day by which it must be done.
    """

    key: str
    words: str
    may: tuple[May, ...]
    condition: Condition
    owner: str = ""
    due: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Something that people with a permission start from their first screen: 常用办理."""

    may: May
    label: str
    path: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Act:
    """Something done with a record that is no move of a lifecycle; `{id}` in its path is the record.

    A further variable such as `{objection_id}` is a field of the record, or one of the rows that it carries as `objections`.
    `items` is the form of one of `items` in the body, where the route takes several at once. A PUT begins with what the
    record holds; `rows` names lists of the form with one row for each row of a list of the record. `states`: only in
    these. `judge`: a POST that answers what the rules say of a body without saving it. `until`: the field of a row that
    ends it. `versioned=False`: the version that its route asks for is not the record's.
    """

    label: str
    path: str
    items: type[BaseModel] | None = None
    method: str = "POST"
    states: tuple[LabelledEnum, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    judge: str = ""
    until: str = ""
    versioned: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a record that stand at an address of their own, a GET; `inside` names the list in an answer that holds more."""

    name: str
    label: str
    path: str
    inside: str = ""


class StateLimits(RuleValue):
    """各环节办理时限."""

    days: Annotated[dict[Code, Days], Field(max_length=50)] = Field(title="各状态可停留的天数")
    near: Annotated[int, Field(ge=0, le=60)] = Field(title="提前多少天提示临期")


@dataclass(frozen=True, kw_only=True)
class RecordKind:
    """One kind of record, checked when it is imported and again when its service is built.

    `read` is a row of the list at `path`, `columns` those fields of it that a page shows first. `create` is the address of the
    POST that makes one, where it is not `path` itself. `only` says which rows of a table that several kinds share are of this
    kind, `visible` who reads a record where that is more than the scope of `may`. `limits` is the rule with the days a record
    may stay in each state. `twins` are conditions in SQL that say the same as a guard that decides whose turn it is; `whose`
    narrows a permission to the records that are the caller's own task. `acts` are what is done with a record beside moves,
    `references` names the kind whose records (`duty`) or one of whose columns (`assignment.person`) a field of a form takes,
    where that is not its parent. `moves` is the address under which its moves are made, where that is not its own.
    `parts` are rows of a record that a page reads beside it.
    """

    name: str
    label: str
    path: str
    model: Any
    read: type[BaseModel]
    may: May
    title: str
    columns: tuple[str, ...]
    key: str = "id"
    create: str = ""
    detail: str = ""
    moves: str = ""
    lifecycle: Lifecycle[Any, Any, Any] | None = None
    stages: Mapping[Any, LabelledEnum] = field(default_factory=dict)
    filters: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    region: str = "region"
    owner: str = ""
    since: str = ""
    due: str = ""
    limits: RuleKey[StateLimits] | None = None
    topics: tuple[str, ...] = ()
    told_by: Mapping[str, str] = field(default_factory=dict)
    """Events of a parent that tell of records made with it: topic → column with the parent's id."""
    shortcuts: tuple[Shortcut, ...] = ()
    turns: tuple[Turn, ...] = ()
    twins: Mapping[Guard[Any], Condition] = field(default_factory=dict)
    only: Callable[[], sa.ColumnElement[bool]] | None = None
    visible: Condition | None = None
    whose: Callable[[UnitOfWork, May], sa.ColumnElement[bool]] | None = None
    todo: tuple[Todo, ...] = ()
    acts: tuple[Act, ...] = ()
    parts: tuple[Part, ...] = ()
    phone: bool = False
    photo: str = ""
    """Column with the id of a file, of a table that is written in bulk: no row of `file_holder` tells of it."""

    def __post_init__(self) -> None:
        """Refuse a declaration that names a column, field, state or move that does not exist."""
        self._check_names("columns of its list", self.columns, set(json_fields(self.read)))
        named = [self.key, self.title, self.region, self.owner, self.since, self.due, *self.search]
        named += [one.owner for one in self.turns]
        named += [name for one in self.todo for name in (one.owner, one.due)]
        self._check_names("columns of its table", [one for one in named if one], set(self.table.c.keys()))
        if self.turns and self.lifecycle is None:
            self._fail("has turns but no lifecycle")
        for one in self.turns:
            for action in one.actions:
                if not self._has_transition(one.state, action):
                    self._fail(f"has no transition {action} from {one.state}")
        keys = [one.item_key for one in self.turns] + [one.key for one in self.todo]
        if len(set(keys)) < len(keys):
            self._fail("has two lists of one key")

    @property
    def table(self) -> sa.Table:
        """The table its records stand in."""
        found: sa.Table = self.model if isinstance(self.model, sa.Table) else self.model.__table__
        return found

    @property
    def since_column(self) -> sa.Column[Any]:
        """When a record came to where it is."""
        name = self.since or ("state_since" if "state_since" in self.table.c else "created_at")
        return self.table.c[name]

    def detail_address(self, record_id: object) -> str:
        """The address of one record, under /api/v1."""
        return (self.detail or f"{self.path}/{{id}}").replace("{id}", str(record_id))

    @property
    def move_address(self) -> str:
        """The address under which its moves are made, under /api/v1; variables in it are the record's own fields."""
        return self.moves or self.detail_address("{id}")

    def scope(self, work: UnitOfWork, may: May, owner: str = "") -> sa.ColumnElement[bool]:
        """Which records the permission reaches for the caller."""
        columns = self.table.c
        column = owner or self.owner
        found = work.actor.scope_filter(may, columns[self.region], columns[column] if column else None)
        return found if self.only is None else sa.and_(self.only(), found)

    def acting_scope(self, work: UnitOfWork, may: May, owner: str = "") -> sa.ColumnElement[bool]:
        """`scope` without the records whose 主管部门 is another than the caller's, on which a line bureau cannot act."""
        columns = self.table.c
        column = owner or self.owner
        found = work.actor.scope_filter(
            may,
            columns[self.region],
            columns[column] if column else None,
            columns.get(DEPARTMENT_COLUMN),
        )
        return found if self.only is None else sa.and_(self.only(), found)

    def visible_condition(self, work: UnitOfWork) -> sa.ColumnElement[bool]:
        """Which records the caller may read: those in the scope of `may`, or what `visible` says instead."""
        return self.scope(work, self.may) if self.visible is None else self.visible(work)

    def transitions_of(self, one: Turn) -> list[Transition[Any, Any, Any]]:
        """The rows of the lifecycle that end a wait."""
        if self.lifecycle is None:
            return []
        return [self.lifecycle.get_transition(one.state, action) for action in one.actions]

    def item_key(self, key: str) -> str:
        """The stable name of one list of waiting records."""
        return f"{self.path.strip('/').replace('/', '.')}.{key}"

    def _has_transition(self, state: Any, action: Any) -> bool:  # noqa: ANN401 - members of any lifecycle
        life = self.lifecycle
        return life is not None and any(row.action is action for row in life.transitions_from(state))

    def _check_names(self, what: str, names: Iterable[str], known: set[str]) -> None:
        if unknown := sorted(set(names) - known):
            self._fail(f"names {what} that do not exist: {', '.join(unknown)}")

    def _fail(self, reason: str) -> None:
        message = f"record kind {self.name} {reason}"
        raise ValueError(message)


def json_fields(shape: type[BaseModel]) -> dict[str, str]:
    """Name in JSON → name in Python of every field that a schema answers."""
    found = {
        str(one.serialization_alias or one.alias or name): name for name, one in shape.model_fields.items()
    }
    return found | {name: name for name in shape.model_computed_fields}
