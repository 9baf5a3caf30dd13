"""A lifecycle is a table on one screen: action, from, to, who, needs. The same table fires, documents and draws itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.errors import Conflict, Fault
from shared.labels import Labelled
from shared.permissions import May

S = TypeVar("S", bound=Labelled)
A = TypeVar("A", bound=Labelled)
F = TypeVar("F")

Guard = Callable[[F], Fault | None]
"""A named condition over a record's facts: what is missing, or None. Its docstring is printed in the generated docs."""


@dataclass(frozen=True)
class Move(Generic[S, A, F]):
    """One row of a lifecycle: who may take a record from where to where, and what it needs.

    `target` None means back to where the record was before (`resume`). `eyes` names record fields holding people
    who may not make this move themselves (four eyes).
    """

    action: A
    sources: frozenset[S]
    target: S | None
    may: May
    guards: tuple[Guard[F], ...] = ()
    eyes: tuple[str, ...] = ()

    def faults(self, facts: F) -> list[Fault]:
        """Everything that is missing, not only the first."""
        return [fault for guard in self.guards if (fault := guard(facts)) is not None]


def move(
    action: A,
    sources: S | Iterable[S],
    target: S | None,
    may: May,
    *guards: Guard[F],
    eyes: Sequence[str] = (),
) -> Move[S, A, F]:
    """A row; a lone source state may be given bare."""
    states = frozenset([sources]) if isinstance(sources, Labelled) else frozenset(sources)
    return Move(action, states, target, may, guards, tuple(eyes))


@dataclass
class Lifecycle(Generic[S, A, F]):
    """The table of one kind of record, checked when it is imported."""

    name: str
    title: str
    states: type[S]
    start: S
    moves: tuple[Move[S, A, F], ...]
    _table: dict[tuple[S, A], Move[S, A, F]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a table with two rows for one (state, action) or a state nothing leads to."""
        self._table = {}
        for row in self.moves:
            for source in row.sources:
                if (source, row.action) in self._table:
                    message = f"{self.name}: two rows for {source} {row.action}"
                    raise ValueError(message)
                self._table[source, row.action] = row
        reached = {self.start}
        while more := {r.target for r in self.moves if r.target and r.sources & reached} - reached:
            reached |= more
        if lost := set(self.states) - reached:
            message = f"{self.name}: nothing leads to {sorted(lost)}"
            raise ValueError(message)

    def move(self, state: S, action: A) -> Move[S, A, F]:
        """The row for this state and action; Conflict if there is none."""
        row = self._table.get((state, action))
        if row is None:
            possible = "、".join(r.action.label for r in self.leaving(state)) or "无"
            raise Conflict(
                f"{self.title}处于“{state.label}”, 不能{action.label}; 现在可以: {possible}",
                f"A {self.name} in state {state} cannot {action}",
            )
        return row

    def leaving(self, state: S) -> list[Move[S, A, F]]:
        """Every row that leaves a state, in table order."""
        return [row for row in self.moves if state in row.sources]

    def mays(self) -> tuple[May, ...]:
        """Every permission a row asks for."""
        return tuple(dict.fromkeys(row.may for row in self.moves))

    def mermaid(self) -> str:
        """The table drawn."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start}"]
        lines += [f"    {state} : {state.label} {state}" for state in self.states]
        for row in self.moves:
            for source in sorted(row.sources):
                target = row.target or "back"
                lines.append(f"    {source} --> {target} : {row.action.label} {row.action}")
        if any(row.target is None for row in self.moves):
            lines.append("    back : 恢复到原状态")
        return "\n".join(lines)

    def markdown(self) -> str:
        """The table as people read it."""
        lines = ["| action | from | to | who | needs |", "|---|---|---|---|---|"]
        for row in self.moves:
            needs = [_promise(guard) for guard in row.guards]
            if row.eyes:
                needs.append("不得由" + "、".join(row.eyes) + "本人办理 (four eyes)")
            sources = "<br>".join(f"{s.label} `{s}`" for s in sorted(row.sources))
            target = f"{row.target.label} `{row.target}`" if row.target else "back"
            lines.append(
                f"| {row.action.label} `{row.action}` | {sources} | {target} | `{row.may}` | {'; '.join(needs)} |",
            )
        return "\n".join(lines)


def _promise(guard: Callable[..., Any]) -> str:
    text = (guard.__doc__ or guard.__name__).strip().splitlines()[0]
    return text.rstrip(".")
