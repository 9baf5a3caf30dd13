"""Rules that find what goes wrong, plans that bring assets back, disposal by approval only."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.assets.test_contracts import create_signed_contract, transition_contract
from tests.clients import DISTRICT, VILLAGE
from tests.conftest import Clock


async def run_alert_scan(world: AssetScenario) -> dict[str, Any]:
    answered = await world.bureau.post("/assets/alerts/sweep")
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def list_alert_rules(world: AssetScenario, **params: Any) -> list[str]:
    items = (await world.bureau.get("/assets/alerts", params=params)).json()["items"]
    return sorted(one["rule"].removeprefix("risk.") for one in items)


async def test_the_rules_find_what_a_ledger_should_not_have(world: AssetScenario, clock: Clock) -> None:
    await world.deliver_project_accepted()
    wrong = await world.deliver_project_accepted(
        name="水渠",
        built=[{"name": "水渠", "asset_class": "public", "subclass": "irrigation", "value": "1.00"}],
    )
    (draft,) = (await world.clerk.get("/assets", params={"project_id": str(wrong)})).json()["items"]
    tag = (await world.clerk.get(f"/assets/{draft['id']}")).headers["ETag"]
    owner = {"owner_kind": "village", "owner_name": "新店村"}
    await world.clerk.patch(f"/assets/{draft['id']}", json=owner, headers={"If-Match": tag})
    await world.transition_asset_ok(world.clerk, draft["id"], "register")
    contract = await create_signed_contract(world, ends_on="2024-07-01")
    await world.clerk.post(
        f"/assets/contracts/{contract['id']}/operator", json={"gone": True, "reason": "已注销"}
    )
    await world.create_registered_asset(
        name="冷库", asset_class="operating", subclass="storage", built_on="2022-01-01"
    )
    idle = await world.create_registered_asset(name="旧厂房", asset_class="operating", subclass="workshop")
    photo = await world.upload_photo()
    soon = str(world.today() + timedelta(days=5))
    await world.transition_asset_ok(
        world.clerk, idle["id"], "mark_idle", reason="停产", evidence=[photo], person="王", deadline=soon
    )
    await run_alert_scan(world)
    first = [
        "asset_without_project",
        "contract_expiring",
        "operator_gone",
        "project_without_assets",
        "rent_unpaid",
        "value_differs",
    ]
    assert await list_alert_rules(world) == first
    clock.advance(timedelta(days=200))
    found = await run_alert_scan(world)
    assert found["raised"] == 8
    late = ["without_keeper", "use_overdue", *(["without_contract"] * 2), *(["not_inspected"] * 4)]
    assert await list_alert_rules(world) == sorted([*first, *late])


async def test_care_that_nobody_proves_is_found(world: AssetScenario, clock: Clock) -> None:
    road, square = (
        await world.create_registered_asset(),
        await world.create_registered_asset(name="文化广场", subclass="culture"),
    )
    keeper = {"unit": "新店村", "name": "张三", "starts_on": str(world.today())}
    for asset in (road, square):
        assert (await world.clerk.post(f"/assets/{asset['id']}/keepers", json=keeper)).status_code == 201
    far = {"lon": 103.2, "lat": 37.6, "datum": "wgs84", "accuracy_m": 10}
    look = {"condition": "good", "fix": far}
    assert (await world.clerk.post(f"/assets/{road['id']}/inspections", json=look)).status_code == 201
    proven = {"condition": "good", "photos": [await world.upload_photo()]}
    assert (await world.clerk.post(f"/assets/{square['id']}/inspections", json=proven)).status_code == 201
    begin = {"region": VILLAGE, "name": "盘点", "starts_on": "2024-05-01", "ends_on": "2024-06-30"}
    campaign = (await world.town.post("/assets/campaigns", json=begin)).json()
    clock.advance(timedelta(minutes=1))
    gone = {
        "id": str(new_id()),
        "asset_id": square["id"],
        "result": "missing",
        "found_at": clock.now().isoformat(),
    }
    address = f"/assets/campaigns/{campaign['id']}"
    assert (await world.clerk.post(f"{address}/findings", json={"items": [gone]})).status_code == 200
    assert (await world.town.post(f"{address}/close", json={"reason": "其余下次"})).status_code == 200
    await run_alert_scan(world)
    found = {
        (one["rule"].removeprefix("risk."), one["asset_id"])
        for one in (await world.bureau.get("/assets/alerts")).json()["items"]
    }
    assert found == {("no_photo", road["id"]), ("seen_elsewhere", road["id"]), ("missing", square["id"])}
    there = {**proven, "fix": {**far, "lon": 102.9010, "lat": 37.6020}}
    for asset in (road, square):
        assert (await world.clerk.post(f"/assets/{asset['id']}/inspections", json=there)).status_code == 201
    assert (await run_alert_scan(world))["gone"] == 3
    clock.advance(timedelta(days=366))
    await run_alert_scan(world)
    assert "not_settled" in await list_alert_rules(world)


async def test_an_alert_is_answered_closed_by_another_and_comes_back(
    world: AssetScenario, clock: Clock
) -> None:
    contract = await create_signed_contract(world)
    await run_alert_scan(world)
    (alert,) = (await world.bureau.get("/assets/alerts")).json()["items"]
    assert (alert["rule"], alert["figures"]["欠收"], alert["light"]) == (
        "risk.rent_unpaid",
        "60000.00",
        "red",
    )
    address = f"/assets/alerts/{alert['id']}"
    assign = {"owner": "李镇长", "due_on": str(world.today() + timedelta(days=9))}
    assert (await world.bureau.post(f"{address}/assign", json=assign)).json()["owner"] == "李镇长"
    assert (await world.clerk.post(f"{address}/answer", json={})).status_code == 409
    await world.bureau.post(f"{address}/answer", json={"reason": "催收中"})
    assert (await world.bureau.post(f"{address}/close", json={"reason": "同意"})).status_code == 403
    other = world.door.client_as("bureau", person="second")
    assert (await world.bureau.post(f"{address}/send_back", json={"reason": "写清楚"})).status_code == 403
    await other.post(f"{address}/send_back", json={"reason": "写清楚"})
    assert (await other.post(f"{address}/send_back", json={"reason": "再写"})).status_code == 409
    await world.clerk.post(f"{address}/answer", json={"reason": "已催收"})
    still = await world.bureau.post(f"{address}/close", json={})
    assert still.json()["errors"][0]["code"] == "still_there"
    pay = {"amount": "60000.00", "received_on": "2024-05-01", "payer": "某公司", "voucher_no": "收1"}
    await world.clerk.post(f"/assets/contracts/{contract['id']}/receipts", json=pay)
    assert (await run_alert_scan(world))["gone"] == 1
    assert (await world.bureau.post(f"{address}/close", json={})).json()["state"] == "closed"
    assert await run_alert_scan(world) == {"rules": 15, "found": 0, "raised": 0, "gone": 0}
    clock.advance(timedelta(days=300))
    again = await run_alert_scan(world)
    assert again["raised"] == 2, "the rent once more, and nobody inspected"
    assert (await world.bureau.get(address)).json()["state"] == "open"
    assert (await world.bureau.post(f"{address}/reopen", json={})).status_code == 422


async def test_a_rule_of_the_district_counts_at_once(world: AssetScenario, clock: Clock) -> None:
    await create_signed_contract(world, ends_on="2024-12-01", first_due_on="2024-11-01")
    assert (await run_alert_scan(world))["found"] == 0
    (rule,) = (await world.bureau.get("/assets/rules/risk.contract_expiring")).json()
    wider = {**{k: rule[k] for k in ("key", "title", "basis", "confirmed")}, "region": DISTRICT,
             "effective_from": "2024-01-01", "value": {**rule["value"], "days": 365}}  # fmt: skip
    assert (await world.bureau.post("/assets/rules", json=wider)).status_code == 201
    assert (await run_alert_scan(world))["raised"] == 1


async def test_alerts_stay_in_their_region(world: AssetScenario) -> None:
    await create_signed_contract(world)
    await run_alert_scan(world)
    (alert,) = (await world.clerk.get("/assets/alerts")).json()["items"]
    elsewhere = world.door.client_as("town_officer", "620602101000")
    assert (await elsewhere.get(f"/assets/alerts/{alert['id']}")).status_code == 404
    assert (await elsewhere.get("/assets/alerts")).json()["items"] == []
    assert (await elsewhere.get("/assets/alerts/summary")).json()["rows"] == []
    assert (await world.clerk.post("/assets/alerts/sweep")).status_code == 403


async def test_an_idle_asset_is_brought_back_with_figures_before_and_after(world: AssetScenario) -> None:
    asset = await world.create_registered_asset(name="旧厂房", asset_class="operating", subclass="workshop")
    photo = await world.upload_photo()
    soon = str(world.today() + timedelta(days=60))
    await world.transition_asset_ok(
        world.clerk, asset["id"], "mark_idle", reason="停产", evidence=[photo], person="王", deadline=soon
    )
    body = {
        "asset_id": asset["id"],
        "track": "revive",
        "problem": "停产两年",
        "measures": "整体出租",
        "person": "王主任",
        "deadline": soon,
    }
    plan = (await world.clerk.post("/assets/revivals", json=body)).json()
    assert (plan["before"]["use"], plan["before"]["income"]) == ("idle", "0.00")

    async def step(client: httpx.AsyncClient, action: str, status: int = 200, **more: Any) -> Any:
        answered = await client.post(f"/assets/revivals/{plan['id']}/{action}", json=more)
        assert answered.status_code == status, answered.text
        return answered.json()

    await step(world.clerk, "approve", 403)
    await step(world.bureau, "approve")
    assert (await world.bureau.get(f"/assets/{asset['id']}")).json()["track"] == "revive"
    missing = await step(world.clerk, "report", 409)
    assert {one["code"] for one in missing["errors"]} == {"no_evidence", "not_in_use"}
    await world.transition_asset_ok(world.clerk, asset["id"], "bring_back", reason="已出租", evidence=[photo])
    rent = {"amount": "8000.00", "received_on": "2024-05-10", "payer": "某公司", "voucher_no": "收1"}
    await world.clerk.post(f"/assets/{asset['id']}/income", json=rent)
    done = await step(world.clerk, "report", file_ids=[photo])
    assert (done["after"]["use"], done["after"]["income"]) == ("in_use", "8000.00")
    assert (await step(world.bureau, "check"))["state"] == "done"
    road = await world.create_registered_asset()
    assert (
        await world.clerk.post("/assets/revivals", json={**body, "asset_id": road["id"]})
    ).status_code == 422


async def test_a_disposal_goes_by_the_book_and_deletes_nothing(world: AssetScenario) -> None:
    contract = await create_signed_contract(world)
    asset_id, photo = contract["asset_id"], await world.upload_photo()
    body = {"asset_id": asset_id, "cause": "disaster", "description": "洪水冲毁", "file_ids": [photo]}
    disposal = (await world.clerk.post("/assets/disposals", json=body)).json()
    assert (await world.clerk.post("/assets/disposals", json=body)).status_code == 409

    async def step(client: httpx.AsyncClient, action: str, status: int = 200, **more: Any) -> Any:
        answered = await client.post(f"/assets/disposals/{disposal['id']}/{action}", json=more)
        assert answered.status_code == status, answered.text
        return answered.json()

    await step(world.bureau, "approve", 409)
    assert (await step(world.clerk, "appraise", 409))["errors"][0]["code"] == "no_appraisal"
    await step(world.clerk, "appraise", value="20000.00", appraisal_no="评1", file_ids=[photo])
    await step(world.clerk, "decide", held_on="2024-05-10", file_ids=[photo])
    clash = await step(world.bureau, "approve", 409, document_no="凉资处〔2024〕1号")
    assert clash["errors"][0]["code"] == "contract_runs"
    await transition_contract(world.clerk, contract, "terminate", reason="厂房已毁")
    await step(world.bureau, "approve", document_no="凉资处〔2024〕1号")
    assert (await step(world.clerk, "book", 409, proceeds="0"))["errors"][0]["code"] == "notice_none"
    notice = {"level": "disposal", "places": ["公开栏"], "starts_on": str(world.today() - timedelta(days=11))}
    posted = await world.town.post(f"/assets/disposals/{disposal['id']}/notices", json=notice)
    assert posted.json()["content"]["处置原因"] == "自然灾害"
    await step(world.clerk, "book", proceeds="15000.00", voucher_no="收8", payer="废品公司")
    await step(world.bureau, "close", evidence=[])
    gone = (await world.bureau.get(f"/assets/{asset_id}")).json()
    assert (gone["use"], gone["state"]) == ("disposed", "registered")
    assert gone["use_changes"][-1]["reason"].startswith("自然灾害")
    book = (await world.bureau.get("/assets/distributions/balance", params={"region": VILLAGE})).json()
    assert (book["received"], book["agrees"]) == ("15000.00", True)
    again = await world.transition_asset(world.clerk, asset_id, "mark_idle", reason="再", evidence=[photo])
    assert again.status_code == 409
    assert (await world.clerk.post("/assets/disposals", json=body)).status_code == 409
    assert (await world.clerk.delete(f"/assets/{asset_id}")).status_code == 405


@pytest.mark.parametrize("path", ["disposals", "revivals", "campaigns", "transfers", "distributions"])
async def test_an_unknown_record_is_absent(world: AssetScenario, path: str) -> None:
    answered = await world.bureau.get(f"/assets/{path}/0190aaaa-0000-7000-8000-000000000000")
    assert answered.status_code == 404
