"""Both lives of an asset under any sequence of people and moves: what a small model says happens, happens."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.assets.factories_assets import AssetScenario

ACTORS = ("clerk", "town", "bureau", "bureau2", "line", "cadre")
ACTORS_BY_ACTION = {
    "register": {"clerk", "town", "bureau", "bureau2", "line"},
    "return": {"bureau", "bureau2"},
    "confirm": {"bureau", "bureau2"},
    "hand_over": {"town", "bureau", "bureau2", "line"},
    "receive": {"clerk", "town"},
    "refuse": {"clerk", "town"},
    "mark_idle": {"clerk", "town", "bureau", "bureau2"},
    "bring_back": {"clerk", "town", "bureau", "bureau2"},
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
    """What an asset should be, in as few words as possible."""

    def __init__(self) -> None:
        self.state, self.use, self.noticed = "draft", "in_use", False
        self.registered_by = self.offered_by = ""

    def expected_status(self, who: str, action: str) -> int:
        """The status the door must answer with."""
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
        """Where the move leads, if it is one from here."""
        return (
            USE_TRANSITIONS.get((self.use, action))
            if action in USE_ACTIONS
            else STATE_TRANSITIONS.get((self.state, action))
        )

    def apply_action(self, who: str, action: str) -> None:
        """The same move made."""
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
"""The moves that carry an asset on come twice as often, so that walks get far."""


@pytest.fixture
def people(world: AssetScenario) -> dict[str, Any]:
    """Everybody who may come to the door, by name."""
    named = {name: getattr(world, name) for name in ("clerk", "town", "bureau", "line")}
    return named | {
        "bureau2": world.door.client_as("bureau", person="second"),
        "cadre": world.door.client_as("cadre"),
    }


async def run_actions(
    world: AssetScenario, people: dict[str, Any], steps: list[tuple[str, str]], photo: str
) -> None:
    asset, model = await world.create_asset(name="道路"), AssetModel()
    address = f"/assets/{asset['id']}"
    deadline = str(world.today() + timedelta(days=30))
    body = {"reason": "理由", "evidence": [photo], "person": "王", "deadline": deadline,
            "giver": "黄羊镇", "receiver": "新店村"}  # fmt: skip
    starts = str(world.today() - timedelta(days=11))
    for who, action in steps:
        if action == "notice":
            post = {"level": "rights", "places": ["公开栏"], "starts_on": starts}
            answered = await people["town"].post(f"{address}/notices", json=post)
        else:
            answered = await people[who].post(f"{address}/{action}", json=body)
        expected = model.expected_status(who, action)
        assert answered.status_code == expected, (who, action, model.state, answered.text)
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
async def test_any_sequence_of_people_and_moves_goes_as_the_model_says(
    world: AssetScenario, people: dict[str, Any], steps: list[tuple[str, str]]
) -> None:
    await run_actions(world, people, steps, await world.upload_photo())
