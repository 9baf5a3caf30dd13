"""Lifecycles of this service other than the asset's, against hand-written tables; any other transition is a Conflict."""

import contextlib
import itertools
from typing import Any

import pytest

from services.assets.alerts.lifecycle import ALERT
from services.assets.amendments.lifecycle import AMENDMENT, AmendmentAction
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction
from services.assets.campaigns.lifecycle import CAMPAIGN, CampaignAction
from services.assets.contracts.lifecycle import CONTRACT, ContractAction
from services.assets.deposits.lifecycle import DEPOSIT, DepositAction
from services.assets.disposals.lifecycle import DISPOSAL, REVIVAL, DisposalAction, RevivalAction
from services.assets.distributions.lifecycle import DISTRIBUTION, DistributionAction
from services.assets.pledges.lifecycle import PLEDGE, PledgeAction
from services.assets.repairs.lifecycle import REPAIR, RepairAction
from services.assets.transfers.lifecycle import TRANSFER, TransferAction
from shared.alerts.lifecycle import AlertAction
from shared.china import LabelledEnum
from shared.errors import Conflict
from shared.lifecycle import Lifecycle

# fmt: off
LEGAL_TRANSITIONS: dict[str, set[str]] = {
    "transfer": {"draft submit submitted", "submitted confirm done", "submitted give given", "given receive done",
                 "draft cancel cancelled", "submitted cancel cancelled", "given cancel cancelled"},
    "operating contract": {"draft sign active", "active end ended", "active terminate terminated", "draft cancel cancelled"},
    "contract amendment": {"proposed approve approved", "proposed reject rejected", "proposed withdraw withdrawn"},
    "deposit entry": {"entered confirm confirmed", "entered withdraw withdrawn", "confirmed reverse reversed"},
    "pledge": {"proposed approve in_force", "proposed reject rejected", "proposed withdraw withdrawn",
               "in_force release released"},
    "value adjustment": {"proposed approve approved", "proposed reject rejected"},
    "repair": {"reported accept accepted", "reported reject rejected", "accepted finish finished", "finished check closed",
               "finished redo accepted"},
    "distribution": {"draft submit decided", "decided return draft", "decided approve approved", "approved close closed",
                     "draft cancel cancelled", "decided cancel cancelled"},
    "campaign": {"open close closed", "open cancel cancelled"},
    "asset alert": {"open answer answered", "answered send_back open", "answered close closed"},
    "disposal": {"requested appraise appraised", "appraised decide decided", "decided approve approved",
                 "approved book booked", "booked close closed", "requested reject rejected", "appraised reject rejected",
                 "decided reject rejected"},
    "revival": {"proposed approve under_way", "under_way report reported", "reported check done", "reported redo under_way",
                "proposed give_up given_up", "under_way give_up given_up"},
}
LIFECYCLES: list[tuple[Lifecycle[Any, Any, Any], type[LabelledEnum]]] = [
    (TRANSFER, TransferAction), (CONTRACT, ContractAction), (ADJUSTMENT, AdjustmentAction), (REPAIR, RepairAction),
    (DISTRIBUTION, DistributionAction), (CAMPAIGN, CampaignAction), (ALERT, AlertAction), (DISPOSAL, DisposalAction),
    (REVIVAL, RevivalAction), (AMENDMENT, AmendmentAction), (DEPOSIT, DepositAction), (PLEDGE, PledgeAction),
]
FOUR_EYES_ACTIONS = {("transfer", "confirm"), ("transfer", "receive"), ("operating contract", "sign"), ("value adjustment", "approve"),
                     ("repair", "check"), ("distribution", "approve"), ("asset alert", "send_back"), ("asset alert", "close"),
                     ("disposal", "approve"), ("disposal", "close"), ("revival", "approve"), ("revival", "check"),
                     ("contract amendment", "approve"), ("deposit entry", "confirm"), ("deposit entry", "reverse"),
                     ("pledge", "approve")}
# fmt: on


@pytest.mark.parametrize(("life", "actions"), LIFECYCLES, ids=[life.name for life, _ in LIFECYCLES])
def test_every_pair_of_state_and_action(life: Lifecycle[Any, Any, Any], actions: type[LabelledEnum]) -> None:
    legal = set()
    for state, action in itertools.product(life.states.__members__.values(), actions.__members__.values()):
        with contextlib.suppress(Conflict):
            legal.add(f"{state} {action} {life.get_transition(state, action).target}")
    assert legal == LEGAL_TRANSITIONS[life.name]


@pytest.mark.parametrize(("life", "_actions"), LIFECYCLES, ids=[life.name for life, _ in LIFECYCLES])
def test_money_and_approvals_need_a_second_person(
    life: Lifecycle[Any, Any, Any], _actions: type[LabelledEnum]
) -> None:
    guarded = {(life.name, str(row.action)) for row in life.transitions if row.four_eyes}
    assert guarded == {pair for pair in FOUR_EYES_ACTIONS if pair[0] == life.name}
