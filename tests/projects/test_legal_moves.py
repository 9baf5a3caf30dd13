"""Legal moves of change requests, evaluations and alerts, written from the requirement; those of projects: test_lifecycle.py."""

from typing import Any

import pytest

from services.projects.alerts.lifecycle import ALERT_LIFECYCLE
from services.projects.changes.lifecycle import CHANGE_LIFECYCLE
from services.projects.evaluations.lifecycle import EVALUATION_LIFECYCLE
from shared.lifecycle import Lifecycle
from tests.legal_moves import list_deviations

# After approval, scope, place or amount change only through a change request: decided, made public, then applied.
CHANGE = """
    submitted  approve  approved
    approved   apply    applied
    submitted  reject   rejected
    approved   reject   rejected
    submitted  cancel   cancelled
    approved   cancel   cancelled
"""
# A self-evaluation is reviewed by another; a returned one is done again; a reviewed one may still be found wrong.
EVALUATION = """
    returned   submit  submitted
    submitted  review  reviewed
    submitted  return  returned
    reviewed   return  returned
"""
ALERT_MOVES = """
    open      answer     answered
    answered  send_back  open
    answered  close      closed
"""


@pytest.mark.parametrize(
    ("lifecycle", "moves"),
    [(CHANGE_LIFECYCLE, CHANGE), (EVALUATION_LIFECYCLE, EVALUATION), (ALERT_LIFECYCLE, ALERT_MOVES)],
    ids=["change", "evaluation", "alert"],
)
def test_every_state_and_action_leads_where_the_requirement_says(
    lifecycle: Lifecycle[Any, Any, Any], moves: str
) -> None:
    assert list_deviations(lifecycle, moves) == []
