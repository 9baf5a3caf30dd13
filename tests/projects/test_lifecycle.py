"""The project lifecycle table compared with a hand-written table of the requirement."""

import itertools

import pytest

from services.projects.projects.lifecycle import PROJECT_LIFECYCLE, STAGE_OF_STATE, Action, Stage, State
from shared.auth import May
from shared.errors import Conflict

# fmt: off
LEGAL_TRANSITIONS: dict[tuple[str, str], tuple[str | None, May]] = {
    ("draft", "declare"): ("village_notice", May.PROJECT_DECLARE),
    ("returned", "declare"): ("village_notice", May.PROJECT_DECLARE),
    ("village_notice", "forward"): ("town_review", May.PROJECT_DECLARE),
    ("village_notice", "submit"): ("appraisal", May.PROJECT_DECLARE),
    ("village_notice", "recall"): ("returned", May.PROJECT_DECLARE),
    ("town_review", "endorse"): ("town_notice", May.PROJECT_ENDORSE),
    ("town_notice", "forward"): ("appraisal", May.PROJECT_ENDORSE),
    ("appraisal", "appraise"): ("approval", May.PROJECT_APPRAISE),
    ("approval", "approve"): ("district_notice", May.PROJECT_APPROVE),
    ("district_notice", "admit"): ("reserve", May.PROJECT_APPROVE),
    ("reserve", "plan"): ("planned", May.PROJECT_PLAN),
    ("planned", "start"): ("started", May.PROJECT_IMPLEMENT),
    ("started", "progress"): ("under_construction", May.PROJECT_IMPLEMENT),
    ("under_construction", "progress"): ("under_construction", May.PROJECT_IMPLEMENT),
    ("under_construction", "complete"): ("completed", May.PROJECT_IMPLEMENT),
    ("completed", "accept"): ("accepted", May.PROJECT_ACCEPT),
    ("accepted", "hand_over"): ("handed_over", May.PROJECT_ACCEPT),
    ("handed_over", "close"): ("closed", May.PROJECT_ACCEPT),
    ("village_notice", "return"): ("returned", May.PROJECT_ENDORSE),
    ("town_review", "return"): ("returned", May.PROJECT_ENDORSE),
    ("town_notice", "return"): ("returned", May.PROJECT_ENDORSE),
    ("appraisal", "return"): ("returned", May.PROJECT_APPRAISE),
    ("approval", "return"): ("returned", May.PROJECT_APPROVE),
    ("district_notice", "return"): ("returned", May.PROJECT_APPROVE),
    ("started", "suspend"): ("suspended", May.PROJECT_APPROVE),
    ("under_construction", "suspend"): ("suspended", May.PROJECT_APPROVE),
    ("suspended", "resume"): (None, May.PROJECT_APPROVE),
    ("draft", "withdraw"): ("withdrawn", May.PROJECT_DECLARE),
    ("returned", "withdraw"): ("withdrawn", May.PROJECT_DECLARE),
    ("reserve", "withdraw"): ("withdrawn", May.PROJECT_APPROVE),
    ("planned", "withdraw"): ("withdrawn", May.PROJECT_APPROVE),
    ("started", "terminate"): ("terminated", May.PROJECT_APPROVE),
    ("under_construction", "terminate"): ("terminated", May.PROJECT_APPROVE),
    ("suspended", "terminate"): ("terminated", May.PROJECT_APPROVE),
}
# fmt: on


@pytest.mark.parametrize(("state", "action"), list(itertools.product(State, Action)))
def test_every_pair_of_state_and_action(state: State, action: Action) -> None:
    legal = LEGAL_TRANSITIONS.get((state.value, action.value))
    if legal is None:
        with pytest.raises(Conflict):
            PROJECT_LIFECYCLE.get_transition(state, action)
        return
    row = PROJECT_LIFECYCLE.get_transition(state, action)
    assert (row.target.value if row.target else None, row.may) == legal


def test_every_state_has_its_stage() -> None:
    states_by_stage = {
        "admission": "draft village_notice town_review town_notice appraisal approval district_notice returned",
        "reserve": "reserve planned",
        "started": "started",
        "under_construction": "under_construction suspended",
        "completed": "completed accepted handed_over closed",
        "out": "withdrawn terminated",
    }
    for stage, states in states_by_stage.items():
        assert {State(name) for name in states.split()} == {
            state for state, state_stage in STAGE_OF_STATE.items() if state_stage is Stage(stage)
        }


@pytest.mark.parametrize(
    ("action", "people"),
    [
        ("endorse", {"created_by", "declared_by"}),
        ("appraise", {"created_by", "declared_by"}),
        ("approve", {"created_by", "declared_by", "appraised_by"}),
        ("admit", {"created_by", "declared_by"}),
        ("accept", {"completed_by"}),
        ("close", {"evaluated_by"}),
    ],
)
def test_decisions_have_four_eyes_columns(action: str, people: set[str]) -> None:
    rows = [row for row in PROJECT_LIFECYCLE.transitions if row.action == action]
    assert rows
    assert all(set(row.four_eyes) == people for row in rows)
