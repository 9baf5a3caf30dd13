"""Risk alerts, revitalisation plans, disposals."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.assets.test_contracts import create_signed_contract, transition_contract
from tests.clients import DISTRICT, VILLAGE, set_rule_version
from tests.conftest import Clock


async def run_alert_scan(scenario: AssetScenario) -> dict[str, Any]:
    response = await scenario.bureau.post("/assets/alerts/sweep")
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def list_alert_rules(scenario: AssetScenario, **params: Any) -> list[str]:
    items = (await scenario.bureau.get("/assets/alerts", params=params)).json()["items"]
    return sorted(item["rule"].removeprefix("risk.") for item in items)


async def test_each_risk_rule_raises_its_alert(scenario: AssetScenario, clock: Clock) -> None:
    await scenario.deliver_project_accepted()
    undervalued = await scenario.deliver_project_accepted(
        name="水渠",
        built=[{"name": "水渠", "asset_class": "public", "subclass": "irrigation", "value": "1.00"}],
    )
    (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(undervalued)})).json()["items"]
    tag = (await scenario.clerk.get(f"/assets/{draft['id']}")).headers["ETag"]
    owner = {"owner_kind": "village", "owner_name": "新店村"}
    await scenario.clerk.patch(f"/assets/{draft['id']}", json=owner, headers={"If-Match": tag})
    await scenario.transition_asset_ok(scenario.clerk, draft["id"], "register")
    contract = await create_signed_contract(scenario, ends_on="2024-07-01")
    await scenario.clerk.post(
        f"/assets/contracts/{contract['id']}/operator", json={"gone": True, "reason": "已注销"}
    )
    await scenario.create_registered_asset(
        name="冷库", asset_class="operating", subclass="storage", built_on="2022-01-01"
    )
    idle = await scenario.create_registered_asset(name="旧厂房", asset_class="operating", subclass="workshop")
    photo = await scenario.upload_photo()
    deadline = str(scenario.today() + timedelta(days=5))
    await scenario.transition_asset_ok(
        scenario.clerk,
        idle["id"],
        "mark_idle",
        reason="停产",
        evidence=[photo],
        person="王",
        deadline=deadline,
    )
    await run_alert_scan(scenario)
    first = [
        "asset_without_project",
        "contract_expiring",
        "operator_gone",
        "project_without_assets",
        "rent_unpaid",
        "value_differs",
    ]
    assert await list_alert_rules(scenario) == first
    clock.advance(timedelta(days=200))
    result = await run_alert_scan(scenario)
    assert result["raised"] == 8
    later = ["without_keeper", "use_overdue", *(["without_contract"] * 2), *(["not_inspected"] * 4)]
    assert await list_alert_rules(scenario) == sorted([*first, *later])


async def test_unproven_inspections_and_missing_assets_raise_alerts(
    scenario: AssetScenario, clock: Clock
) -> None:
    road, square = (
        await scenario.create_registered_asset(),
        await scenario.create_registered_asset(name="文化广场", subclass="culture"),
    )
    keeper = {"unit": "新店村", "name": "张三", "starts_on": str(scenario.today())}
    for asset in (road, square):
        assert (await scenario.clerk.post(f"/assets/{asset['id']}/keepers", json=keeper)).status_code == 201
    distant_fix = {"lon": 103.2, "lat": 37.6, "datum": "wgs84", "accuracy_m": 10}
    inspection = {"condition": "good", "fix": distant_fix}
    assert (
        await scenario.clerk.post(f"/assets/{road['id']}/inspections", json=inspection)
    ).status_code == 201
    proven = {"condition": "good", "photos": [await scenario.upload_photo()]}
    assert (await scenario.clerk.post(f"/assets/{square['id']}/inspections", json=proven)).status_code == 201
    campaign_body = {"region": VILLAGE, "name": "盘点", "starts_on": "2024-05-01", "ends_on": "2024-06-30"}
    campaign = (await scenario.town.post("/assets/campaigns", json=campaign_body)).json()
    clock.advance(timedelta(minutes=1))
    finding = {
        "id": str(new_id()),
        "asset_id": square["id"],
        "result": "missing",
        "found_at": clock.now().isoformat(),
    }
    address = f"/assets/campaigns/{campaign['id']}"
    assert (await scenario.clerk.post(f"{address}/findings", json={"items": [finding]})).status_code == 200
    assert (await scenario.town.post(f"{address}/close", json={"reason": "其余下次"})).status_code == 200
    await run_alert_scan(scenario)
    alerts = {
        (item["rule"].removeprefix("risk."), item["asset_id"])
        for item in (await scenario.bureau.get("/assets/alerts")).json()["items"]
    }
    assert alerts == {("no_photo", road["id"]), ("seen_elsewhere", road["id"]), ("missing", square["id"])}
    on_site = {**proven, "fix": {**distant_fix, "lon": 102.9010, "lat": 37.6020}}
    for asset in (road, square):
        assert (
            await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json=on_site)
        ).status_code == 201
    assert (await run_alert_scan(scenario))["gone"] == 3
    clock.advance(timedelta(days=366))
    await run_alert_scan(scenario)
    assert "not_settled" in await list_alert_rules(scenario)


async def test_an_alert_is_answered_closed_by_a_second_person_and_reopened(
    scenario: AssetScenario, clock: Clock
) -> None:
    contract = await create_signed_contract(scenario)
    await run_alert_scan(scenario)
    (alert,) = (await scenario.bureau.get("/assets/alerts")).json()["items"]
    assert (alert["rule"], alert["figures"]["欠收"], alert["light"]) == (
        "risk.rent_unpaid",
        "60000.00",
        "red",
    )
    address = f"/assets/alerts/{alert['id']}"
    assign = {"owner": "李镇长", "due_on": str(scenario.today() + timedelta(days=9))}
    assert (await scenario.bureau.post(f"{address}/assign", json=assign)).json()["owner"] == "李镇长"
    assert (await scenario.clerk.post(f"{address}/answer", json={})).status_code == 409
    assert (await scenario.bureau.post(f"{address}/answer", json={"reason": "催收中"})).status_code == 403
    await scenario.town.post(f"{address}/answer", json={"reason": "催收中"})
    assert (await scenario.town.post(f"{address}/close", json={"reason": "同意"})).status_code == 403
    other = scenario.service.client_as("bureau", person="second")
    assert (await scenario.town.post(f"{address}/send_back", json={"reason": "写清楚"})).status_code == 403
    await other.post(f"{address}/send_back", json={"reason": "写清楚"})
    assert (await other.post(f"{address}/send_back", json={"reason": "再写"})).status_code == 409
    await scenario.clerk.post(f"{address}/answer", json={"reason": "已催收"})
    refused = await scenario.bureau.post(f"{address}/close", json={})
    assert refused.json()["errors"][0]["code"] == "still_there"
    payment = {"amount": "60000.00", "received_on": "2024-05-01", "payer": "某公司", "voucher_no": "收1"}
    await scenario.clerk.post(f"/assets/contracts/{contract['id']}/receipts", json=payment)
    assert (await run_alert_scan(scenario))["gone"] == 1
    assert (await scenario.bureau.post(f"{address}/close", json={})).json()["state"] == "closed"
    assert await run_alert_scan(scenario) == {"rules": 16, "found": 0, "raised": 0, "gone": 0}
    clock.advance(timedelta(days=300))
    again = await run_alert_scan(scenario)
    assert again["raised"] == 2, "the rent once more, and nobody inspected"
    assert (await scenario.bureau.get(address)).json()["state"] == "open"
    assert (await scenario.bureau.post(f"{address}/reopen", json={})).status_code == 422


async def test_a_district_rule_takes_effect_at_once(scenario: AssetScenario, clock: Clock) -> None:
    await create_signed_contract(scenario, ends_on="2024-12-01", first_due_on="2024-11-01")
    assert (await run_alert_scan(scenario))["found"] == 0
    (rule,) = (await scenario.bureau.get("/assets/rules/risk.contract_expiring")).json()
    wider = {**{k: rule[k] for k in ("key", "title", "confirmed")}, "region": DISTRICT,
             "effective_from": "2024-01-01", "value": {**rule["value"], "days": 365}}  # fmt: skip
    await set_rule_version(scenario.service, wider)
    assert (await run_alert_scan(scenario))["raised"] == 1


async def test_alerts_are_absent_outside_their_region(scenario: AssetScenario) -> None:
    await create_signed_contract(scenario)
    await run_alert_scan(scenario)
    (alert,) = (await scenario.clerk.get("/assets/alerts")).json()["items"]
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    assert (await elsewhere.get(f"/assets/alerts/{alert['id']}")).status_code == 404
    assert (await elsewhere.get("/assets/alerts")).json()["items"] == []
    assert (await elsewhere.get("/assets/alerts/summary")).json()["rows"] == []
    assert (await scenario.clerk.post("/assets/alerts/sweep")).status_code == 403


async def test_a_revival_stores_figures_before_and_after(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset(
        name="旧厂房", asset_class="operating", subclass="workshop"
    )
    photo = await scenario.upload_photo()
    deadline = str(scenario.today() + timedelta(days=60))
    await scenario.transition_asset_ok(
        scenario.clerk,
        asset["id"],
        "mark_idle",
        reason="停产",
        evidence=[photo],
        person="王",
        deadline=deadline,
    )
    body = {
        "asset_id": asset["id"],
        "track": "revive",
        "problem": "停产两年",
        "measures": "整体出租",
        "person": "王主任",
        "deadline": deadline,
    }
    plan = (await scenario.clerk.post("/assets/revivals", json=body)).json()
    assert (plan["before"]["use"], plan["before"]["income"]) == ("idle", "0.00")
    second = await scenario.clerk.post("/assets/revivals", json=body)
    assert (second.status_code, second.json()["errors"][0]["code"]) == (409, "running")

    async def transition(client: httpx.AsyncClient, action: str, status: int = 200, **more: Any) -> Any:
        response = await client.post(f"/assets/revivals/{plan['id']}/{action}", json=more)
        assert response.status_code == status, response.text
        return response.json()

    await transition(scenario.clerk, "approve", 403)
    await transition(scenario.bureau, "approve")
    assert (await scenario.bureau.get(f"/assets/{asset['id']}")).json()["track"] == "revive"
    missing = await transition(scenario.clerk, "report", 409)
    assert {item["code"] for item in missing["errors"]} == {"no_evidence", "not_in_use"}
    await scenario.transition_asset_ok(
        scenario.clerk, asset["id"], "bring_back", reason="已出租", evidence=[photo]
    )
    rent = {"amount": "8000.00", "received_on": "2024-05-10", "payer": "某公司", "voucher_no": "收1"}
    await scenario.clerk.post(f"/assets/{asset['id']}/income", json=rent)
    done = await transition(scenario.clerk, "report", file_ids=[photo])
    assert (done["after"]["use"], done["after"]["income"]) == ("in_use", "8000.00")
    assert (await transition(scenario.bureau, "check"))["state"] == "done"
    road = await scenario.create_registered_asset()
    assert (
        await scenario.clerk.post("/assets/revivals", json={**body, "asset_id": road["id"]})
    ).status_code == 422


async def test_a_disposal_passes_every_step_and_keeps_the_record(scenario: AssetScenario) -> None:
    contract = await create_signed_contract(scenario)
    asset_id, photo = contract["asset_id"], await scenario.upload_photo()
    body = {"asset_id": asset_id, "cause": "disaster", "description": "洪水冲毁", "file_ids": [photo]}
    disposal = (await scenario.clerk.post("/assets/disposals", json=body)).json()
    assert (await scenario.clerk.post("/assets/disposals", json=body)).status_code == 409

    async def transition(client: httpx.AsyncClient, action: str, status: int = 200, **more: Any) -> Any:
        response = await client.post(f"/assets/disposals/{disposal['id']}/{action}", json=more)
        assert response.status_code == status, response.text
        return response.json()

    await transition(scenario.bureau, "approve", 409)
    assert (await transition(scenario.clerk, "appraise", 409))["errors"][0]["code"] == "no_appraisal"
    await transition(scenario.clerk, "appraise", value="20000.00", appraisal_no="评1", file_ids=[photo])
    await transition(scenario.clerk, "decide", held_on="2024-05-10", file_ids=[photo])
    refused = await transition(scenario.bureau, "approve", 409, document_no="凉资处〔2024〕1号")
    assert refused["errors"][0]["code"] == "contract_runs"
    await transition_contract(scenario.clerk, contract, "terminate", reason="厂房已毁")
    await transition(scenario.bureau, "approve", document_no="凉资处〔2024〕1号")
    assert (await transition(scenario.clerk, "book", 409, proceeds="0"))["errors"][0]["code"] == "notice_none"
    notice = {
        "level": "disposal",
        "places": ["公开栏"],
        "starts_on": str(scenario.today() - timedelta(days=11)),
        "photo": await scenario.upload_photo(),
    }
    posted = await scenario.town.post(f"/assets/disposals/{disposal['id']}/notices", json=notice)
    assert posted.json()["content"]["处置原因"] == "自然灾害"
    await transition(scenario.clerk, "book", proceeds="15000.00", voucher_no="收8", payer="废品公司")
    await transition(scenario.bureau, "close")
    disposed = (await scenario.bureau.get(f"/assets/{asset_id}")).json()
    assert (disposed["use"], disposed["state"]) == ("disposed", "registered")
    assert disposed["use_changes"][-1]["reason"].startswith("自然灾害")
    book = (await scenario.bureau.get("/assets/distributions/balance", params={"region": VILLAGE})).json()
    assert (book["received"], book["agrees"]) == ("15000.00", True)
    again = await scenario.transition_asset(
        scenario.clerk, asset_id, "mark_idle", reason="再", evidence=[photo]
    )
    assert again.status_code == 409
    assert (await scenario.clerk.post("/assets/disposals", json=body)).status_code == 409
    assert (await scenario.clerk.delete(f"/assets/{asset_id}")).status_code == 405


@pytest.mark.parametrize("path", ["disposals", "revivals", "campaigns", "transfers", "distributions"])
async def test_an_unknown_record_is_not_found(scenario: AssetScenario, path: str) -> None:
    response = await scenario.bureau.get(f"/assets/{path}/0190aaaa-0000-7000-8000-000000000000")
    assert response.status_code == 404
