"""Both lives of an asset, every pair of state and action, against a table written by hand."""

import itertools

import pytest

from services.assets.register.lifecycle import ASSET, USE, AssetAction, AssetState, UseAction, UseState
from shared.errors import Conflict
from shared.permissions import May

S, A, U, B = AssetState, AssetAction, UseState, UseAction

LEGAL = {
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
LEGAL_USE = {
    (U.LOW_YIELD, B.BRING_BACK): U.IN_USE,
    (U.IDLE, B.BRING_BACK): U.IN_USE,
    (U.DAMAGED, B.BRING_BACK): U.IN_USE,
    (U.IN_USE, B.MARK_LOW_YIELD): U.LOW_YIELD,
    (U.IDLE, B.MARK_LOW_YIELD): U.LOW_YIELD,
    (U.DAMAGED, B.MARK_LOW_YIELD): U.LOW_YIELD,
    (U.IN_USE, B.MARK_IDLE): U.IDLE,
    (U.LOW_YIELD, B.MARK_IDLE): U.IDLE,
    (U.DAMAGED, B.MARK_IDLE): U.IDLE,
    (U.IN_USE, B.MARK_DAMAGED): U.DAMAGED,
    (U.LOW_YIELD, B.MARK_DAMAGED): U.DAMAGED,
    (U.IDLE, B.MARK_DAMAGED): U.DAMAGED,
    (U.IN_USE, B.DISPOSE): U.DISPOSED,
    (U.LOW_YIELD, B.DISPOSE): U.DISPOSED,
    (U.IDLE, B.DISPOSE): U.DISPOSED,
    (U.DAMAGED, B.DISPOSE): U.DISPOSED,
}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(S, A)))
def test_every_pair_of_registration_state_and_action(state: AssetState, action: AssetAction) -> None:
    if expected := LEGAL.get((state, action)):
        row = ASSET.move(state, action)
        assert (row.target, row.may) == expected
    else:
        with pytest.raises(Conflict):
            ASSET.move(state, action)


@pytest.mark.parametrize(("state", "action"), list(itertools.product(U, B)))
def test_every_pair_of_use_state_and_action(state: UseState, action: UseAction) -> None:
    if expected := LEGAL_USE.get((state, action)):
        row = USE.move(state, action)
        assert row.target == expected
        assert row.may == (May.ASSET_APPROVE if action is B.DISPOSE else May.ASSET_OPERATE)
    else:
        with pytest.raises(Conflict):
            USE.move(state, action)


def test_a_disposed_asset_never_comes_back() -> None:
    assert USE.leaving(U.DISPOSED) == []
    assert ASSET.leaving(S.DISCARDED) == []
    assert ASSET.leaving(S.SUPERSEDED) == []
