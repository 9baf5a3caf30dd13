"""Legal moves of plans, payments, targets and fund alerts, written from the requirement and not from the tables."""

from typing import Any

import pytest

from services.funds.alerts.lifecycle import ALERT_LIFECYCLE
from services.funds.payments.lifecycle import PAYMENT_LIFECYCLE
from services.funds.plans.lifecycle import PLAN_LIFECYCLE
from services.funds.targets.lifecycle import TARGET_LIFECYCLE
from shared.lifecycle import Lifecycle
from tests.legal_moves import list_deviations

# draft → submitted → approved → noticed → issued, or returned/cancelled. What is issued is undone only by an adjusting plan;
# a submitted plan is returned before it is cancelled, so that its author hears why.
PLAN = """
    draft      submit   submitted
    returned   submit   submitted
    submitted  return   returned
    submitted  approve  approved
    approved   notice   noticed
    noticed    issue    issued
    draft      cancel   cancelled
    returned   cancel   cancelled
    approved   cancel   cancelled
    noticed    cancel   cancelled
"""
# draft → submitted → reviewed → approved → paid, or rejected/reversed. Nothing paid is rejected, only what was paid is reversed,
# and an approved payment does not go back to its author: treasury pays it or it is rejected.
PAYMENT = """
    draft      submit   submitted
    submitted  review   reviewed
    reviewed   approve  approved
    approved   pay      paid
    submitted  return   draft
    reviewed   return   draft
    draft      reject   rejected
    submitted  reject   rejected
    reviewed   reject   rejected
    approved   reject   rejected
    paid       reverse  reversed
"""
# 绩效目标: drafted, decided with the money, made public, self-evaluated at the end, and the evaluation confirmed by finance.
TARGET = """
    draft      submit     submitted
    submitted  return     draft
    submitted  approve    approved
    approved   publish    published
    published  evaluate   evaluated
    evaluated  send_back  published
    evaluated  confirm    confirmed
"""
# Supervision: an alert is answered by its owner, and closed or sent back by another.
ALERT_MOVES = """
    open      answer     answered
    answered  send_back  open
    answered  close      closed
"""


@pytest.mark.parametrize(
    ("lifecycle", "moves"),
    [
        (PLAN_LIFECYCLE, PLAN),
        (PAYMENT_LIFECYCLE, PAYMENT),
        (TARGET_LIFECYCLE, TARGET),
        (ALERT_LIFECYCLE, ALERT_MOVES),
    ],
    ids=["plan", "payment", "target", "alert"],
)
def test_every_state_and_action_leads_where_the_requirement_says(
    lifecycle: Lifecycle[Any, Any, Any], moves: str
) -> None:
    assert list_deviations(lifecycle, moves) == []
