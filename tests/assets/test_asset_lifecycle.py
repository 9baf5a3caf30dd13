"""Both lifecycles of an asset: every pair of state and action against a hand-written table."""

import itertools

import pytest

from services.assets.register.lifecycle import ASSET, USE, AssetAction, AssetState, UseAction, UseState
from shared.auth import May
from shared.errors import Conflict

S, A, UseS, UseA = AssetState, AssetAction, UseState, UseAction

LEGAL_TRANSITIONS = {
    (S.DRAFT, A.REGISTER): (S.REGISTERED, May.ASSET_REGISTER),
    (S.DRAFT, A.DISCARD): (S.DISCARDED, May.ASSET_APPROVE),
    (S.REGISTERED, A.RETURN): (S.DRAFT, May.ASSET_CONFIRM),
    (S.REGISTERED, A.CONFIRM): (S.CONFIRMED, May.ASSET_CONFIRM),
    (S.CONFIRMED, A.HAND_OVER): (S.OFFERED, May.ASSET_HAND_OVER),
    (S.OFFERED, A.RECEIVE): (S.HANDED_OVER, May.ASSET_RECEIVE),
    (S.OFFERED, A.REFUSE): (S.CONFIRMED, May.ASSET_RECEIVE),
    (S.REGISTERED, A.SUPERSEDE): (S.SUPERSEDED, May.ASSET_APPROVE),
    (S.CONFIRMED, A.SUPERSEDE): (S.SUPERSEDED, May.ASSET_APPROVE),
    (S.HANDED_OVER, A.SUPERSEDE): (S.SUPERSEDED, May.ASSET_APPROVE),
}
LEGAL_USE_TRANSITIONS = {
    (UseS.LOW_YIELD, UseA.BRING_BACK): UseS.IN_USE,
    (UseS.IDLE, UseA.BRING_BACK): UseS.IN_USE,
    (UseS.DAMAGED, UseA.BRING_BACK): UseS.IN_USE,
    (UseS.IN_USE, UseA.MARK_LOW_YIELD): UseS.LOW_YIELD,
    (UseS.IDLE, UseA.MARK_LOW_YIELD): UseS.LOW_YIELD,
    (UseS.DAMAGED, UseA.MARK_LOW_YIELD): UseS.LOW_YIELD,
    (UseS.IN_USE, UseA.MARK_IDLE): UseS.IDLE,
    (UseS.LOW_YIELD, UseA.MARK_IDLE): UseS.IDLE,
    (UseS.DAMAGED, UseA.MARK_IDLE): UseS.IDLE,
    (UseS.IN_USE, UseA.MARK_DAMAGED): UseS.DAMAGED,
    (UseS.LOW_YIELD, UseA.MARK_DAMAGED): UseS.DAMAGED,
    (UseS.IDLE, UseA.MARK_DAMAGED): UseS.DAMAGED,
    (UseS.IN_USE, UseA.DISPOSE): UseS.DISPOSED,
    (UseS.LOW_YIELD, UseA.DISPOSE): UseS.DISPOSED,
    (UseS.IDLE, UseA.DISPOSE): UseS.DISPOSED,
    (UseS.DAMAGED, UseA.DISPOSE): UseS.DISPOSED,
}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(S, A)))
def test_every_pair_of_registration_state_and_action(state: AssetState, action: AssetAction) -> None:
    if expected := LEGAL_TRANSITIONS.get((state, action)):
        row = ASSET.get_transition(state, action)
        assert (row.target, row.may) == expected
    else:
        with pytest.raises(Conflict):
            ASSET.get_transition(state, action)


@pytest.mark.parametrize(("state", "action"), list(itertools.product(UseS, UseA)))
def test_every_pair_of_use_state_and_action(state: UseState, action: UseAction) -> None:
    if expected := LEGAL_USE_TRANSITIONS.get((state, action)):
        row = USE.get_transition(state, action)
        assert row.target == expected
        assert row.may == (May.ASSET_APPROVE if action is UseA.DISPOSE else May.ASSET_OPERATE)
    else:
        with pytest.raises(Conflict):
            USE.get_transition(state, action)


def test_final_states_have_no_transitions() -> None:
    assert USE.transitions_from(UseS.DISPOSED) == []
    assert ASSET.transitions_from(S.DISCARDED) == []
    assert ASSET.transitions_from(S.SUPERSEDED) == []
