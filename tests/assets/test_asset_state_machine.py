"""Property test of both asset lifecycles: random sequences of actors and actions against a small model."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.assets.factories_assets import AssetScenario

ACTORS = ("clerk", "town", "bureau", "bureau2", "line_bureau", "cadre")
ACTORS_BY_ACTION = {
    "register": {"clerk", "town", "bureau", "bureau2", "line_bureau"},
    "return": {"bureau", "bureau2"},
    "confirm": {"bureau", "bureau2", "line_bureau"},
    "hand_over": {"town", "bureau", "bureau2", "line_bureau"},
    "receive": {"clerk", "town", "line_bureau"},
    "refuse": {"clerk", "town", "line_bureau"},
    "mark_idle": {"clerk", "town", "line_bureau"},
    "bring_back": {"clerk", "town", "line_bureau"},
}
STATE_TRANSITIONS = {
    ("draft", "register"): "registered",
    ("registered", "return"): "draft",
    ("registered", "confirm"): "confirmed",
    ("confirmed", "hand_over"): "offered",
    ("offered", "receive"): "handed_over",
    ("offered", "refuse"): "confirmed",
}
USE_TRANSITIONS = {("in_use", "mark_idle"): "idle", ("idle", "bring_back"): "in_use"}


USE_ACTIONS = {"mark_idle", "bring_back"}


class AssetModel:
    """Model of an asset: states and the facts that decide the next transition."""

    def __init__(self) -> None:
        self.state, self.use, self.noticed = "draft", "in_use", False
        self.registered_by = self.offered_by = ""

    def expected_status(self, who: str, action: str) -> int:
        """The HTTP status that the service must return."""
        if action == "notice":
            return 409 if self.noticed else 201
        if who == "cadre":
            return 403
        if self.next_state(action) is None:
            return 409
        himself = {"confirm": self.registered_by, "receive": self.offered_by}.get(action)
        if who not in ACTORS_BY_ACTION[action] or who == himself:
            return 403
        unready = (action == "confirm" and not self.noticed) or (
            action in USE_ACTIONS and self.state == "draft"
        )
        return 409 if unready else 200

    def next_state(self, action: str) -> str | None:
        """Target state of the action, or None if it is not possible now."""
        return (
            USE_TRANSITIONS.get((self.use, action))
            if action in USE_ACTIONS
            else STATE_TRANSITIONS.get((self.state, action))
        )

    def apply_action(self, who: str, action: str) -> None:
        """Apply the action to the model."""
        if action == "notice":
            self.noticed = True
            return
        if (self.use, action) in USE_TRANSITIONS:
            self.use = USE_TRANSITIONS[self.use, action]
            return
        self.state = STATE_TRANSITIONS[self.state, action]
        if action == "register":
            self.registered_by = who
        if action == "hand_over":
            self.offered_by = who
        if action == "return":
            self.noticed = False


ACTIONS = (*ACTORS_BY_ACTION, "notice", "confirm", "register", "hand_over", "receive")
"""Actions that advance an asset are listed twice, so that random sequences reach late states."""


@pytest.fixture
def people(scenario: AssetScenario) -> dict[str, Any]:
    """Clients by actor name."""
    named = {name: getattr(scenario, name) for name in ("clerk", "town", "bureau", "line_bureau")}
    return named | {
        "bureau2": scenario.service.client_as("bureau", person="second"),
        "cadre": scenario.service.client_as("cadre"),
    }


async def run_actions(
    scenario: AssetScenario, people: dict[str, Any], steps: list[tuple[str, str]], photo: str
) -> None:
    asset, model = await scenario.create_asset(name="道路"), AssetModel()
    address = f"/assets/{asset['id']}"
    deadline = str(scenario.today() + timedelta(days=30))
    body = {"reason": "理由", "evidence": [photo], "person": "王", "deadline": deadline,
            "giver": "黄羊镇", "receiver": "新店村"}  # fmt: skip
    starts = str(scenario.today() - timedelta(days=11))
    for who, action in steps:
        if action == "notice":
            post = {"level": "rights", "places": ["公开栏"], "starts_on": starts, "photo": photo}
            response = await people["town"].post(f"{address}/notices", json=post)
        else:
            response = await people[who].post(f"{address}/{action}", json=body)
        expected = model.expected_status(who, action)
        status = 409 if "idempotent-replayed" in response.headers else response.status_code
        assert status == expected, (who, action, model.state, response.text)
        if expected in {200, 201}:
            model.apply_action(who, action)
        now = (await people["bureau"].get(address)).json()
        assert (now["state"], now["use"]) == (model.state, model.use)
        assert bool(now["code"]) is bool(model.registered_by)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(st.tuples(st.sampled_from(ACTORS), st.sampled_from(ACTIONS)), min_size=3, max_size=12))
async def test_any_sequence_of_actors_and_actions_matches_the_model(
    scenario: AssetScenario, people: dict[str, Any], steps: list[tuple[str, str]]
) -> None:
    await run_actions(scenario, people, steps, await scenario.upload_photo())
