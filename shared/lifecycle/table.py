"""A lifecycle is a table on one screen: action, from, to, who, needs. The same table fires, documents and draws itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import Conflict, FieldError

StateT = TypeVar("StateT", bound=LabelledEnum)
ActionT = TypeVar("ActionT", bound=LabelledEnum)
FactsT = TypeVar("FactsT")

Guard = Callable[[FactsT], FieldError | None]
"""A named condition over a record's facts: what is missing, or None. Its docstring is printed in the generated docs."""


@dataclass(frozen=True)
class Transition(Generic[StateT, ActionT, FactsT]):
    """One row of a lifecycle: who may take a record from where to where, and what it needs.

    `target` None means back to where the record was before (`resume`). `four_eyes` names record fields holding people
    who may not make this move themselves (four eyes).
    """

    action: ActionT
    sources: frozenset[StateT]
    target: StateT | None
    may: May
    guards: tuple[Guard[FactsT], ...] = ()
    four_eyes: tuple[str, ...] = ()

    def unmet_guards(self, facts: FactsT) -> list[FieldError]:
        """Everything that is missing, not only the first."""
        return [fault for guard in self.guards if (fault := guard(facts)) is not None]


def transition(
    action: ActionT,
    sources: StateT | Iterable[StateT],
    target: StateT | None,
    may: May,
    *guards: Guard[FactsT],
    four_eyes: Sequence[str] = (),
) -> Transition[StateT, ActionT, FactsT]:
    """A row; a lone source state may be given bare."""
    states = frozenset([sources]) if isinstance(sources, LabelledEnum) else frozenset(sources)
    return Transition(action, states, target, may, guards, tuple(four_eyes))


@dataclass
class Lifecycle(Generic[StateT, ActionT, FactsT]):
    """The table of one kind of record, checked when it is imported."""

    name: str
    title: str
    states: type[StateT]
    start: StateT
    transitions: tuple[Transition[StateT, ActionT, FactsT], ...]
    _table: dict[tuple[StateT, ActionT], Transition[StateT, ActionT, FactsT]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a table with two rows for one (state, action) or a state nothing leads to."""
        self._table = {}
        for row in self.transitions:
            for source in row.sources:
                if (source, row.action) in self._table:
                    message = f"{self.name}: two rows for {source} {row.action}"
                    raise ValueError(message)
                self._table[source, row.action] = row
        reached = {self.start}
        while more := {r.target for r in self.transitions if r.target and r.sources & reached} - reached:
            reached |= more
        if lost := set(self.states) - reached:
            message = f"{self.name}: nothing leads to {sorted(lost)}"
            raise ValueError(message)

    def get_transition(self, state: StateT, action: ActionT) -> Transition[StateT, ActionT, FactsT]:
        """The row for this state and action; Conflict if there is none."""
        row = self._table.get((state, action))
        if row is None:
            possible = "、".join(r.action.label for r in self.transitions_from(state)) or "无"
            raise Conflict(
                f"{self.title}处于“{state.label}”, 不能{action.label}; 现在可以: {possible}",
                f"A {self.name} in state {state} cannot {action}",
            )
        return row

    def transitions_from(self, state: StateT) -> list[Transition[StateT, ActionT, FactsT]]:
        """Every row that leaves a state, in table order."""
        return [row for row in self.transitions if state in row.sources]

    def permissions(self) -> tuple[May, ...]:
        """Every permission a row asks for."""
        return tuple(dict.fromkeys(row.may for row in self.transitions))

    def to_mermaid(self) -> str:
        """The table drawn."""
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
        """The table as people read it."""
        lines = ["| action | from | to | who | needs |", "|---|---|---|---|---|"]
        for row in self.transitions:
            needs = [_describe_guard(guard) for guard in row.guards]
            if row.four_eyes:
                needs.append("不得由" + "、".join(row.four_eyes) + "本人办理 (four eyes)")
            sources = "<br>".join(f"{s.label} `{s}`" for s in sorted(row.sources))
            target = f"{row.target.label} `{row.target}`" if row.target else "back"
            lines.append(
                f"| {row.action.label} `{row.action}` | {sources} | {target} | `{row.may}` | {'; '.join(needs)} |",
            )
        return "\n".join(lines)


def _describe_guard(guard: Callable[..., Any]) -> str:
    text = (guard.__doc__ or guard.__name__).strip().splitlines()[0]
    return text.rstrip(".")
