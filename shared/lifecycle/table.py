"""Lifecycle tables: rows of action, source states, target state, permission and guards.

The same table executes transitions and generates the documentation and diagrams.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError, NoSuchMove

StateT = TypeVar("StateT", bound=LabelledEnum)
ActionT = TypeVar("ActionT", bound=LabelledEnum)
FactsT = TypeVar("FactsT")

Guard = Callable[[FactsT], FieldError | None]
"""A condition over a record's facts: returns what is missing, or None. Its docstring appears in docs/lifecycles.md."""


@dataclass(frozen=True)
class Transition(Generic[StateT, ActionT, FactsT]):
    """One row of a lifecycle: action, source states, target state, permission, guards.

    `target` None means the record's previous state (`resume`). `four_eyes` names record fields with people who may
    not make this transition themselves (four-eyes rule).
    """

    action: ActionT
    sources: frozenset[StateT]
    target: StateT | None
    may: May
    guards: tuple[Guard[FactsT], ...] = ()
    four_eyes: tuple[str, ...] = ()

    def unmet_guards(self, facts: FactsT) -> list[FieldError]:
        """The errors of all guards that are not met."""
        return [error for guard in self.guards if (error := guard(facts)) is not None]


def transition(
    action: ActionT,
    sources: StateT | Iterable[StateT],
    target: StateT | None,
    may: May,
    *guards: Guard[FactsT],
    four_eyes: Sequence[str] = (),
) -> Transition[StateT, ActionT, FactsT]:
    """Build a row; `sources` is one state or several."""
    source_states = frozenset([sources]) if isinstance(sources, LabelledEnum) else frozenset(sources)
    return Transition(action, source_states, target, may, guards, tuple(four_eyes))


@dataclass
class Lifecycle(Generic[StateT, ActionT, FactsT]):
    """The table of one kind of record; its consistency is checked at import."""

    name: str
    title: str
    states: type[StateT]
    start: StateT
    transitions: tuple[Transition[StateT, ActionT, FactsT], ...]
    _table: dict[tuple[StateT, ActionT], Transition[StateT, ActionT, FactsT]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError for two rows with the same (state, action) or an unreachable state."""
        self._table = {}
        for row in self.transitions:
            for source in row.sources:
                if (source, row.action) in self._table:
                    message = f"{self.name}: two rows for {source} {row.action}"
                    raise ValueError(message)
                self._table[source, row.action] = row
        reached = {self.start}
        while (
            new := {row.target for row in self.transitions if row.target and row.sources & reached} - reached
        ):
            reached |= new
        if unreachable := set(self.states) - reached:
            message = f"{self.name}: nothing leads to {sorted(unreachable)}"
            raise ValueError(message)

    def get_transition(self, state: StateT, action: ActionT) -> Transition[StateT, ActionT, FactsT]:
        """The row for a state and an action; NoSuchMove when there is none."""
        found = self._table.get((state, action))
        if found is None:
            possible = "、".join(row.action.label for row in self.transitions_from(state)) or "无"
            raise NoSuchMove(
                f"{self.title}处于“{state.label}”, 不能{action.label}; 现在可以: {possible}",
                f"A {self.name} in state {state} cannot {action}",
            )
        return found

    def transitions_from(self, state: StateT) -> list[Transition[StateT, ActionT, FactsT]]:
        """All rows with this source state, in table order."""
        return [row for row in self.transitions if state in row.sources]

    def permissions(self) -> tuple[May, ...]:
        """The permissions of all rows, without duplicates."""
        return tuple(dict.fromkeys(row.may for row in self.transitions))

    def to_mermaid(self) -> str:
        """The table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start}"]
        lines += [f"    {state} : {state.label} {state}" for state in self.states]
        for row in self.transitions:
            for source in sorted(row.sources):
                target = row.target or "back"
                lines.append(f"    {source} --> {target} : {row.action.label} {row.action}")
        if any(row.target is None for row in self.transitions):
            lines.append("    back : 恢复到原状态")
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """The table as Markdown (docs/lifecycles.md)."""
        lines = ["| action | from | to | who | needs |", "|---|---|---|---|---|"]
        for row in self.transitions:
            needs = [describe_guard(guard) for guard in row.guards]
            if row.four_eyes:
                needs.append("不得由" + "、".join(row.four_eyes) + "本人办理 (four eyes)")
            sources = "<br>".join(f"{state.label} `{state}`" for state in sorted(row.sources))
            target = f"{row.target.label} `{row.target}`" if row.target else "back"
            lines.append(
                f"| {row.action.label} `{row.action}` | {sources} | {target} | `{row.may}` | {'; '.join(needs)} |",
            )
        return "\n".join(lines)


def describe_guard(guard: Callable[..., Any]) -> str:
    """The first line of a guard's docstring: what it asks for."""
    text = (guard.__doc__ or guard.__name__).strip().splitlines()[0]
    return text.rstrip(".")
