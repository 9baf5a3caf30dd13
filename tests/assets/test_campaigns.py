"""Stock-taking: expected list, offline batches, findings, report."""

from datetime import timedelta
from typing import Any

from shared.db import new_id
from tests.assets.factories_assets import SAMPLE_PLACE, AssetScenario
from tests.clients import TOWN, VILLAGE
from tests.conftest import Clock

OTHER_VILLAGE = "620602100202"


async def create_campaign(scenario: AssetScenario, client: Any = None, **changes: Any) -> dict[str, Any]:
    body = {
        "region": TOWN,
        "name": "2024年清查",
        "starts_on": "2024-05-01",
        "ends_on": "2024-06-30",
        **changes,
    }
    response = await (client or scenario.town).post("/assets/campaigns", json=body)
    assert response.status_code == 201, response.text
    campaign: dict[str, Any] = response.json()
    return campaign


def build_finding(
    asset: dict[str, Any] | None, result: str, scenario: AssetScenario, **changes: Any
) -> dict[str, Any]:
    at = scenario.system.now() - timedelta(hours=1)
    item = {"id": str(new_id()), "result": result, "found_at": at.isoformat(), **changes}
    return item if asset is None else {**item, "asset_id": asset["id"]}


async def post_findings(
    client: Any, campaign: dict[str, Any], *items: dict[str, Any]
) -> list[dict[str, Any]]:
    response = await client.post(f"/assets/campaigns/{campaign['id']}/findings", json={"items": list(items)})
    assert response.status_code == 200, response.text
    outcomes: list[dict[str, Any]] = response.json()["items"]
    return outcomes


async def test_a_campaign_report_adds_up(scenario: AssetScenario) -> None:
    roads = [
        await scenario.create_registered_asset(name=f"新店村道路{at}", original_value=f"{at + 1}00.00")
        for at in range(5)
    ]
    await scenario.create_asset(name="草稿不在应盘之列")
    campaign = await create_campaign(scenario)
    assert campaign["progress"]["expected"] == {"count": 5, "value": "1500.00"}
    distant_fix = {**SAMPLE_PLACE, "lat": 37.7, "accuracy_m": 5}
    outcomes = await post_findings(
        scenario.clerk,
        campaign,
        build_finding(roads[0], "found", scenario, fix={**SAMPLE_PLACE, "accuracy_m": 5}),
        build_finding(roads[1], "found", scenario, fix=distant_fix),
        build_finding(roads[2], "missing", scenario),
        build_finding(roads[3], "damaged", scenario),
        build_finding(None, "not_on_list", scenario, name="村口凉亭"),
    )
    assert [item["result"] for item in outcomes] == [
        "found",
        "misplaced",
        "missing",
        "damaged",
        "not_on_list",
    ]
    report = (await scenario.bureau.get(f"/assets/campaigns/{campaign['id']}/report")).json()
    progress = report["progress"]
    counts = {
        name: progress[name]["count"] for name in ("found", "misplaced", "missing", "damaged", "unchecked")
    }
    assert counts == {"found": 1, "misplaced": 1, "missing": 1, "damaged": 1, "unchecked": 1}
    assert (progress["not_on_list"], progress["percent"]) == (1, "80.0")
    assert len(report["differences"]) == 4
    assert [item["name"] for item in report["not_on_list"]] == ["村口凉亭"]
    assert report["by_village"] == {VILLAGE: dict.fromkeys(counts, 1)}
    close = f"/assets/campaigns/{campaign['id']}/close"
    assert (await scenario.town.post(close, json={})).json()["errors"][0]["code"] == "unchecked"
    closed = await scenario.town.post(close, json={"reason": "一项在山上, 下月补盘"})
    assert closed.json()["state"] == "closed"
    late = await scenario.clerk.post(f"/assets/campaigns/{campaign['id']}/findings", json={"items": [{}]})
    assert late.status_code == 409
    asset = (await scenario.bureau.get(f"/assets/{roads[0]['id']}")).json()
    assert asset["inspected_at"] is not None


async def test_findings_of_a_batch_are_processed_independently(scenario: AssetScenario, clock: Clock) -> None:
    road = await scenario.create_registered_asset()
    campaign = await create_campaign(scenario)
    unlisted = await scenario.create_registered_asset(name="后来登记的")
    good = build_finding(road, "found", scenario)
    ahead = build_finding(road, "found", scenario, found_at=(clock.now() + timedelta(hours=1)).isoformat())
    items = [
        good,
        good,
        {"id": "x"},
        ahead,
        build_finding(unlisted, "found", scenario),
        build_finding(None, "not_on_list", scenario),
    ]
    outcomes = await post_findings(scenario.clerk, campaign, *items)
    assert [item["taken"] for item in outcomes] == [
        "applied",
        "duplicate",
        "refused",
        "refused",
        "refused",
        "refused",
    ]
    assert outcomes[3]["errors"][0]["pointer"] == "/found_at"
    again = await post_findings(scenario.clerk, campaign, good, {**good, "result": "missing"})
    assert [item["taken"] for item in again] == ["duplicate", "refused"]


async def test_the_latest_finding_counts_in_any_order_of_arrival(
    scenario: AssetScenario, clock: Clock
) -> None:
    road = await scenario.create_registered_asset()
    campaign = await create_campaign(scenario)
    now = clock.now()
    later = build_finding(road, "found", scenario, found_at=(now - timedelta(hours=1)).isoformat())
    earlier = build_finding(road, "missing", scenario, found_at=(now - timedelta(hours=9)).isoformat())
    await post_findings(scenario.clerk, campaign, later)
    await post_findings(scenario.clerk, campaign, earlier)
    (item,) = (await scenario.clerk.get(f"/assets/campaigns/{campaign['id']}/items")).json()["items"]
    assert (item["result"], item["finding_id"]) == ("found", later["id"])


async def test_a_village_sees_only_its_items_of_a_campaign(scenario: AssetScenario) -> None:
    mine = await scenario.create_registered_asset()
    theirs = await scenario.create_asset(scenario.town, name="邻村道路", region=OTHER_VILLAGE)
    await scenario.transition_asset_ok(scenario.town, theirs["id"], "register")
    campaign = await create_campaign(scenario)
    assert campaign["progress"]["expected"]["count"] == 2
    address = f"/assets/campaigns/{campaign['id']}"
    assert (await scenario.clerk.get(address)).json()["progress"]["expected"]["count"] == 1
    pages = (await scenario.clerk.get(f"{address}/items")).json()["items"]
    assert [item["asset_id"] for item in pages] == [mine["id"]]
    outcomes = await post_findings(scenario.clerk, campaign, build_finding(theirs, "found", scenario))
    assert outcomes[0]["taken"] == "refused"
    assert [item["id"] for item in (await scenario.clerk.get("/assets/campaigns")).json()["items"]] == [
        campaign["id"]
    ]
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    assert (await elsewhere.get(address)).status_code == 404
    assert (await elsewhere.get("/assets/campaigns")).json()["items"] == []
    assert (await scenario.clerk.post(f"{address}/close", json={"reason": "不行"})).status_code == 403


async def test_the_expected_list_is_read_page_by_page(scenario: AssetScenario) -> None:
    for at in range(5):
        await scenario.create_registered_asset(name=f"新店村道路{at}")
    campaign = await create_campaign(scenario, classes=["public"])
    address, asset_ids = f"/assets/campaigns/{campaign['id']}/items", []
    cursor: Any = ""
    while cursor is not None:
        page = (await scenario.clerk.get(address, params={"limit": 2, "cursor": cursor})).json()
        asset_ids += [item["asset_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(asset_ids) == len(set(asset_ids)) == 5
    assert (await scenario.clerk.get(address, params={"cursor": "x"})).status_code == 422
    empty = await create_campaign(scenario, classes=["household"])
    assert empty["progress"]["expected"] == {"count": 0, "value": "0.00"}
