"""Both lives of an asset under any sequence of people and moves: what a small model says happens, happens."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.assets.world import World

PEOPLE = ("clerk", "town", "bureau", "bureau2", "line", "cadre")
MAY = {
    "register": {"clerk", "town", "bureau", "bureau2", "line"},
    "return": {"bureau", "bureau2"},
    "confirm": {"bureau", "bureau2"},
    "hand_over": {"town", "bureau", "bureau2", "line"},
    "receive": {"clerk", "town"},
    "refuse": {"clerk", "town"},
    "mark_idle": {"clerk", "town", "bureau", "bureau2"},
    "bring_back": {"clerk", "town", "bureau", "bureau2"},
}
MOVES = {
    ("draft", "register"): "registered",
    ("registered", "return"): "draft",
    ("registered", "confirm"): "confirmed",
    ("confirmed", "hand_over"): "offered",
    ("offered", "receive"): "handed_over",
    ("offered", "refuse"): "confirmed",
}
USES = {("in_use", "mark_idle"): "idle", ("idle", "bring_back"): "in_use"}


USING = {"mark_idle", "bring_back"}


class Model:
    """What an asset should be, in as few words as possible."""

    def __init__(self) -> None:
        self.state, self.use, self.noticed = "draft", "in_use", False
        self.registered_by = self.offered_by = ""

    def answer(self, who: str, action: str) -> int:
        """The status the door must answer with."""
        if action == "notice":
            return 409 if self.noticed else 201
        if who == "cadre":
            return 403
        if self.goes_on(action) is None:
            return 409
        himself = {"confirm": self.registered_by, "receive": self.offered_by}.get(action)
        if who not in MAY[action] or who == himself:
            return 403
        unready = (action == "confirm" and not self.noticed) or (action in USING and self.state == "draft")
        return 409 if unready else 200

    def goes_on(self, action: str) -> str | None:
        """Where the move leads, if it is one from here."""
        return USES.get((self.use, action)) if action in USING else MOVES.get((self.state, action))

    def happen(self, who: str, action: str) -> None:
        """The same move made."""
        if action == "notice":
            self.noticed = True
            return
        if (self.use, action) in USES:
            self.use = USES[self.use, action]
            return
        self.state = MOVES[self.state, action]
        if action == "register":
            self.registered_by = who
        if action == "hand_over":
            self.offered_by = who
        if action == "return":
            self.noticed = False


ACTIONS = (*MAY, "notice", "confirm", "register", "hand_over", "receive")
"""The moves that carry an asset on come twice as often, so that walks get far."""


@pytest.fixture
def people(world: World) -> dict[str, Any]:
    """Everybody who may come to the door, by name."""
    named = {name: getattr(world, name) for name in ("clerk", "town", "bureau", "line")}
    return named | {"bureau2": world.door.as_("bureau", person="second"), "cadre": world.door.as_("cadre")}


async def walk(world: World, people: dict[str, Any], steps: list[tuple[str, str]], photo: str) -> None:
    asset, model = await world.enter(name="道路"), Model()
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
        expected = model.answer(who, action)
        assert answered.status_code == expected, (who, action, model.state, answered.text)
        if expected in {200, 201}:
            model.happen(who, action)
        now = (await people["bureau"].get(address)).json()
        assert (now["state"], now["use"]) == (model.state, model.use)
        assert bool(now["code"]) is bool(model.registered_by)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(ACTIONS)), min_size=3, max_size=12))
async def test_any_sequence_of_people_and_moves_goes_as_the_model_says(
    world: World, people: dict[str, Any], steps: list[tuple[str, str]]
) -> None:
    await walk(world, people, steps, await world.photo())
