"""Stock-taking: the expected list, offline batches, what is found where, the report."""

from datetime import timedelta
from typing import Any

from shared.db import new_id
from tests.assets.factories_assets import SAMPLE_PLACE, AssetScenario
from tests.clients import TOWN, VILLAGE
from tests.conftest import Clock

OTHER_VILLAGE = "620602100202"


async def create_campaign(world: AssetScenario, client: Any = None, **changes: Any) -> dict[str, Any]:
    body = {
        "region": TOWN,
        "name": "2024年清查",
        "starts_on": "2024-05-01",
        "ends_on": "2024-06-30",
        **changes,
    }
    answered = await (client or world.town).post("/assets/campaigns", json=body)
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


def build_finding(
    asset: dict[str, Any] | None, result: str, world: AssetScenario, **changes: Any
) -> dict[str, Any]:
    at = world.doors.now() - timedelta(hours=1)
    item = {"id": str(new_id()), "result": result, "found_at": at.isoformat(), **changes}
    return item if asset is None else {**item, "asset_id": asset["id"]}


async def post_findings(
    client: Any, campaign: dict[str, Any], *items: dict[str, Any]
) -> list[dict[str, Any]]:
    answered = await client.post(f"/assets/campaigns/{campaign['id']}/findings", json={"items": list(items)})
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["items"]
    return found


async def test_a_town_counts_and_the_report_adds_up(world: AssetScenario) -> None:
    roads = [
        await world.create_registered_asset(name=f"新店村道路{at}", original_value=f"{at + 1}00.00")
        for at in range(5)
    ]
    await world.create_asset(name="草稿不在应盘之列")
    campaign = await create_campaign(world)
    assert campaign["progress"]["expected"] == {"count": 5, "value": "1500.00"}
    far = {**SAMPLE_PLACE, "lat": 37.7, "accuracy_m": 5}
    answers = await post_findings(
        world.clerk,
        campaign,
        build_finding(roads[0], "found", world, fix={**SAMPLE_PLACE, "accuracy_m": 5}),
        build_finding(roads[1], "found", world, fix=far),
        build_finding(roads[2], "missing", world),
        build_finding(roads[3], "damaged", world),
        build_finding(None, "not_on_list", world, name="村口凉亭"),
    )
    assert [one["result"] for one in answers] == ["found", "misplaced", "missing", "damaged", "not_on_list"]
    report = (await world.bureau.get(f"/assets/campaigns/{campaign['id']}/report")).json()
    progress = report["progress"]
    counts = {
        name: progress[name]["count"] for name in ("found", "misplaced", "missing", "damaged", "unchecked")
    }
    assert counts == {"found": 1, "misplaced": 1, "missing": 1, "damaged": 1, "unchecked": 1}
    assert (progress["not_on_list"], progress["percent"]) == (1, "80.0")
    assert len(report["differences"]) == 4
    assert [one["name"] for one in report["not_on_list"]] == ["村口凉亭"]
    assert report["by_village"] == {VILLAGE: dict.fromkeys(counts, 1)}
    close = f"/assets/campaigns/{campaign['id']}/close"
    assert (await world.town.post(close, json={})).json()["errors"][0]["code"] == "unchecked"
    closed = await world.town.post(close, json={"reason": "一项在山上, 下月补盘"})
    assert closed.json()["state"] == "closed"
    late = await world.clerk.post(f"/assets/campaigns/{campaign['id']}/findings", json={"items": [{}]})
    assert late.status_code == 409
    known = (await world.bureau.get(f"/assets/{roads[0]['id']}")).json()
    assert known["inspected_at"] is not None


async def test_a_batch_from_an_offline_phone_is_judged_item_by_item(
    world: AssetScenario, clock: Clock
) -> None:
    road = await world.create_registered_asset()
    campaign = await create_campaign(world)
    stranger = await world.create_registered_asset(name="后来登记的")
    good = build_finding(road, "found", world)
    ahead = build_finding(road, "found", world, found_at=(clock.now() + timedelta(hours=1)).isoformat())
    items = [
        good,
        good,
        {"id": "x"},
        ahead,
        build_finding(stranger, "found", world),
        build_finding(None, "not_on_list", world),
    ]
    answers = await post_findings(world.clerk, campaign, *items)
    assert [one["taken"] for one in answers] == [
        "applied",
        "duplicate",
        "refused",
        "refused",
        "refused",
        "refused",
    ]
    assert answers[3]["errors"][0]["pointer"] == "/found_at"
    again = await post_findings(world.clerk, campaign, good, {**good, "result": "missing"})
    assert [one["taken"] for one in again] == ["duplicate", "refused"]


async def test_the_latest_look_counts_whatever_order_it_arrives_in(
    world: AssetScenario, clock: Clock
) -> None:
    road = await world.create_registered_asset()
    campaign = await create_campaign(world)
    now = clock.now()
    later = build_finding(road, "found", world, found_at=(now - timedelta(hours=1)).isoformat())
    earlier = build_finding(road, "missing", world, found_at=(now - timedelta(hours=9)).isoformat())
    await post_findings(world.clerk, campaign, later)
    await post_findings(world.clerk, campaign, earlier)
    (item,) = (await world.clerk.get(f"/assets/campaigns/{campaign['id']}/items")).json()["items"]
    assert (item["result"], item["finding_id"]) == ("found", later["id"])


async def test_a_village_sees_only_its_own_part(world: AssetScenario) -> None:
    mine = await world.create_registered_asset()
    theirs = await world.create_asset(world.town, name="邻村道路", region=OTHER_VILLAGE)
    await world.transition_asset_ok(world.town, theirs["id"], "register")
    campaign = await create_campaign(world)
    assert campaign["progress"]["expected"]["count"] == 2
    address = f"/assets/campaigns/{campaign['id']}"
    assert (await world.clerk.get(address)).json()["progress"]["expected"]["count"] == 1
    pages = (await world.clerk.get(f"{address}/items")).json()["items"]
    assert [one["asset_id"] for one in pages] == [mine["id"]]
    answers = await post_findings(world.clerk, campaign, build_finding(theirs, "found", world))
    assert answers[0]["taken"] == "refused"
    assert [one["id"] for one in (await world.clerk.get("/assets/campaigns")).json()["items"]] == [
        campaign["id"]
    ]
    elsewhere = world.door.client_as("town_officer", "620602101000")
    assert (await elsewhere.get(address)).status_code == 404
    assert (await elsewhere.get("/assets/campaigns")).json()["items"] == []
    assert (await world.clerk.post(f"{address}/close", json={"reason": "不行"})).status_code == 404


async def test_the_list_is_taken_along_page_by_page(world: AssetScenario) -> None:
    for at in range(5):
        await world.create_registered_asset(name=f"新店村道路{at}")
    campaign = await create_campaign(world, classes=["public"])
    address, got = f"/assets/campaigns/{campaign['id']}/items", []
    cursor: Any = ""
    while cursor is not None:
        page = (await world.clerk.get(address, params={"limit": 2, "cursor": cursor})).json()
        got += [one["asset_id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert len(got) == len(set(got)) == 5
    assert (await world.clerk.get(address, params={"cursor": "x"})).status_code == 422
    none = await create_campaign(world, classes=["household"])
    assert none["progress"]["expected"] == {"count": 0, "value": "0.00"}
