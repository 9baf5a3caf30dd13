"""Delta sync through the gateway: changes in the caller's regions since a cursor, and changes of scope."""

from collections.abc import Callable

import pytest

from shared.db import new_id
from tests.assets.factories_assets import build_asset
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario, expect_success

OTHER_TOWN_VILLAGE = "620602101201"


@pytest.mark.parametrize("service", ["projects", "funds", "assets", "attendance"])
async def test_every_service_has_a_feed_through_the_door(
    door: Callable[[str], ServiceUnderTest], service: str
) -> None:
    found = expect_success(await door("gateway").client_as("bureau").get(f"/{service}/events"))
    assert (found["items"], found["more"]) == ([], False)
    assert found["next"]
    assert found["scope"]


async def test_a_phone_gets_each_change_once_and_only_its_own_regions(
    door: Callable[[str], ServiceUnderTest], doors: SystemUnderTest, clock: Clock
) -> None:
    gate = door("gateway")
    steps = ProjectScenario(doors, clock)
    clerk, neighbour = (
        gate.client_as("village_clerk", VILLAGE),
        gate.client_as("village_clerk", OTHER_TOWN_VILLAGE),
    )
    first = await steps.create_draft()
    start = expect_success(await clerk.get("/projects/events"))
    assert {event["subject"] for event in start["items"]} == {first["id"]}

    assert expect_success(await clerk.get("/projects/events", params={"after": start["next"]}))["items"] == []
    second = await steps.create_draft()
    then = expect_success(await clerk.get("/projects/events", params={"after": start["next"]}))
    assert {event["subject"] for event in then["items"]} == {second["id"]}
    assert expect_success(await neighbour.get("/projects/events"))["items"] == []


async def test_a_phone_learns_that_its_scope_changed(door: Callable[[str], ServiceUnderTest]) -> None:
    gate = door("gateway")
    bureau = gate.client_as("bureau")
    for region in (VILLAGE, OTHER_TOWN_VILLAGE):
        expect_success(await bureau.post("/assets", json=build_asset(id=str(new_id()), region=region)))
    wide = gate.client_as("town_officer", DISTRICT, person="moved")
    narrow = gate.client_as("town_officer", VILLAGE[:9] + "000", person="moved")

    before = expect_success(await wide.get("/assets/events"))
    after = expect_success(await narrow.get("/assets/events", params={"after": before["next"]}))
    again = expect_success(await narrow.get("/assets/events"))

    assert after["scope"] != before["scope"], "a changed scope tells the client to read from the start"
    assert {event["region"] for event in before["items"]} == {VILLAGE, OTHER_TOWN_VILLAGE}
    assert {event["region"] for event in again["items"]} == {VILLAGE}
    assert (
        expect_success(await narrow.get("/assets/events", params={"after": again["next"]}))["scope"]
        == after["scope"]
    )


async def test_the_feed_keeps_its_next_link_through_the_door(door: Callable[[str], ServiceUnderTest]) -> None:
    batch = {"Accept": "application/cloudevents-batch+json"}
    answer = await door("gateway").client_as("bureau").get("/funds/events", headers=batch)
    assert answer.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert answer.headers["link"].startswith("</api/v1/funds/events?")
    assert answer.headers["x-more"] == "false"
