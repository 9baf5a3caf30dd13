"""Legal moves of make-ups, swaps, phones, reviews, month sheets, complaints and errands; those of leaves: test_leaves.py."""

from typing import Any

import pytest

from services.attendance.complaints.lifecycle import COMPLAINT
from services.attendance.duties.lifecycle import SWAP
from services.attendance.errands.lifecycle import ERRAND
from services.attendance.make_ups.lifecycle import MAKE_UP
from services.attendance.months.lifecycle import SHEET
from services.attendance.posts.lifecycle import DEVICE
from services.attendance.reviews.lifecycle import REVIEW
from shared.lifecycle import Lifecycle
from tests.legal_moves import list_deviations

MOVES: list[tuple[Lifecycle[Any, Any, Any], str]] = [
    # 补卡: a witness first, then the town; it is refused or withdrawn as long as it is open.
    (
        MAKE_UP,
        """
        requested  witness   witnessed
        witnessed  approve   approved
        requested  refuse    refused
        witnessed  refuse    refused
        requested  withdraw  withdrawn
        witnessed  withdraw  withdrawn
        """,
    ),
    # 换班: the partner agrees first, then the town approves; the asker may take it back until then.
    (
        SWAP,
        """
        asked   agree     agreed
        asked   decline   declined
        agreed  approve   approved
        asked   refuse    refused
        agreed  refuse    refused
        asked   withdraw  withdrawn
        agreed  withdraw  withdrawn
        """,
    ),
    # 常用手机: one that was refused or released may be approved again; only a bound one is released.
    (
        DEVICE,
        """
        pending   approve  bound
        refused   approve  bound
        released  approve  bound
        pending   refuse   refused
        bound     release  released
        """,
    ),
    # 复核: a person decides about odd evidence, and may take the decision back.
    (
        REVIEW,
        """
        open      accept  accepted
        open      reject  rejected
        accepted  reopen  open
        rejected  reopen  open
        """,
    ),
    # 月表: signed, and opened again with a reason.
    (
        SHEET,
        """
        open    sign    signed
        signed  reopen  open
        """,
    ),
    # 投诉: answered once.
    (
        COMPLAINT,
        """
        open  answer  answered
        """,
    ),
    # 公出: reported, not requested; the town takes note or does not agree, the person withdraws or returns.
    (
        ERRAND,
        """
        reported      acknowledge  acknowledged
        reported      refuse       refused
        acknowledged  refuse       refused
        reported      withdraw     withdrawn
        acknowledged  withdraw     withdrawn
        reported      return       returned
        acknowledged  return       returned
        """,
    ),
]


@pytest.mark.parametrize(("lifecycle", "moves"), MOVES, ids=[lifecycle.name for lifecycle, _ in MOVES])
def test_every_state_and_action_leads_where_the_requirement_says(
    lifecycle: Lifecycle[Any, Any, Any], moves: str
) -> None:
    assert list_deviations(lifecycle, moves) == []
