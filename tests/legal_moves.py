"""Compares a lifecycle with moves written by hand: lines of `state action target`, and a Conflict (409) for all others."""

from typing import Any

from shared.errors import Conflict
from shared.lifecycle import Lifecycle


def parse_moves(text: str) -> dict[tuple[str, str], str]:
    """(state, action) → target, from lines of `state action target`; `back` is the state before."""
    moves: dict[tuple[str, str], str] = {}
    for line in text.split("\n"):
        if line.strip():
            state, action, target = line.split()
            assert (state, action) not in moves, line
            moves[state, action] = target
    return moves


def list_deviations(lifecycle: Lifecycle[Any, Any, Any], text: str) -> list[str]:
    """Where a lifecycle does something else than the hand-written moves, over every state and every action."""
    expected = parse_moves(text)
    actions = {type(row.action) for row in lifecycle.transitions}
    assert len(actions) == 1
    pairs = {(state, action) for state in lifecycle.states for action in next(iter(actions))}
    unknown = sorted(set(expected) - {(str(state), str(action)) for state, action in pairs})
    wrong = [f"{state} {action}: no such state or action" for state, action in unknown]
    for state, action in sorted(pairs):
        try:
            found = str(lifecycle.get_transition(state, action).target or "back")
        except Conflict as refusal:
            found = str(refusal.status)
        if found != (wanted := expected.get((str(state), str(action)), "409")):
            wrong.append(f"{state} {action} → {found}, not {wanted}")
    return wrong
