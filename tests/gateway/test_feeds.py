"""Delta sync through the door: what changed in my regions since my cursor, and what I no longer see."""

from collections.abc import Callable

import pytest

from shared.ids import new_id
from tests.assets.world import an_asset
from tests.conftest import Clock
from tests.doors import DISTRICT, VILLAGE, Door, Doors
from tests.projects.steps import Steps, good

ELSEWHERE = "620602101201"


@pytest.mark.parametrize("service", ["projects", "funds", "assets", "attendance"])
async def test_every_service_has_a_feed_through_the_door(door: Callable[[str], Door], service: str) -> None:
    found = good(await door("gateway").as_("bureau").get(f"/{service}/events"))
    assert (found["items"], found["more"]) == ([], False)
    assert found["next"]
    assert found["scope"]


async def test_a_phone_gets_each_change_once_and_only_its_own_regions(
    door: Callable[[str], Door], doors: Doors, clock: Clock
) -> None:
    gate = door("gateway")
    steps = Steps(doors, clock)
    clerk, neighbour = gate.as_("village_clerk", VILLAGE), gate.as_("village_clerk", ELSEWHERE)
    first = await steps.draft()
    start = good(await clerk.get("/projects/events"))
    assert {one["subject"] for one in start["items"]} == {first["id"]}

    assert good(await clerk.get("/projects/events", params={"after": start["next"]}))["items"] == []
    second = await steps.draft()
    then = good(await clerk.get("/projects/events", params={"after": start["next"]}))
    assert {one["subject"] for one in then["items"]} == {second["id"]}
    assert good(await neighbour.get("/projects/events"))["items"] == []


async def test_a_phone_learns_that_its_scope_changed(door: Callable[[str], Door]) -> None:
    gate = door("gateway")
    bureau = gate.as_("bureau")
    for region in (VILLAGE, ELSEWHERE):
        good(await bureau.post("/assets", json=an_asset(id=str(new_id()), region=region)))
    wide = gate.as_("town_officer", DISTRICT, person="moved")
    narrow = gate.as_("town_officer", VILLAGE[:9] + "000", person="moved")

    before = good(await wide.get("/assets/events"))
    after = good(await narrow.get("/assets/events", params={"after": before["next"]}))
    again = good(await narrow.get("/assets/events"))

    assert after["scope"] != before["scope"], "the phone drops what it has and reads from the start"
    assert {one["region"] for one in before["items"]} == {VILLAGE, ELSEWHERE}
    assert {one["region"] for one in again["items"]} == {VILLAGE}
    assert (
        good(await narrow.get("/assets/events", params={"after": again["next"]}))["scope"] == after["scope"]
    )


async def test_the_feed_keeps_its_next_link_through_the_door(door: Callable[[str], Door]) -> None:
    batch = {"Accept": "application/cloudevents-batch+json"}
    answer = await door("gateway").as_("bureau").get("/funds/events", headers=batch)
    assert answer.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert answer.headers["link"].startswith("</api/v1/funds/events?")
    assert answer.headers["x-more"] == "false"
