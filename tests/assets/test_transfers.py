"""Rights documents over many assets; split and merge."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, TOWN, VILLAGE


async def create_three_assets(scenario: AssetScenario) -> list[dict[str, Any]]:
    return [
        await scenario.create_registered_asset(name=f"新店村道路{at}", original_value=f"{at + 1}00000.00")
        for at in range(3)
    ]


async def create_transfer(
    scenario: AssetScenario, kind: str, assets: list[dict[str, Any]], **changes: Any
) -> dict[str, Any]:
    body = {
        "kind": kind,
        "region": VILLAGE,
        "number": "黄政资〔2024〕3号",
        "title": "新店村资产确权移交",
        "items": [{"asset_id": item["id"], "certificate_no": f"证{at}"} for at, item in enumerate(assets)],
        **changes,
    }
    response = await scenario.town.post("/assets/transfers", json=body)
    assert response.status_code == 201, response.text
    transfer: dict[str, Any] = response.json()
    return transfer


async def transition_transfer(
    client: Any, document: dict[str, Any], action: str, status: int = 200, **body: Any
) -> dict[str, Any]:
    response = await client.post(f"/assets/transfers/{document['id']}/{action}", json=body)
    assert response.status_code == status, response.text
    result: dict[str, Any] = response.json()
    return result


async def post_notice(scenario: AssetScenario, document: dict[str, Any]) -> dict[str, Any]:
    starts = str(scenario.today() - timedelta(days=11))
    response = await scenario.town.post(
        f"/assets/transfers/{document['id']}/notices",
        json={
            "level": "rights",
            "places": ["村务公开栏"],
            "starts_on": starts,
            "photo": await scenario.upload_photo(),
        },
    )
    assert response.status_code == 201, response.text
    notice: dict[str, Any] = response.json()
    return notice


async def get_asset_states(scenario: AssetScenario, assets: list[dict[str, Any]]) -> set[str]:
    return {(await scenario.bureau.get(f"/assets/{item['id']}")).json()["state"] for item in assets}


async def test_documents_confirm_and_hand_over_many_assets(scenario: AssetScenario) -> None:
    assets = await create_three_assets(scenario)
    rights = await create_transfer(scenario, "rights", assets)
    assert rights["total"] == "600000.00"
    await transition_transfer(scenario.town, rights, "submit")
    assert (await transition_transfer(scenario.bureau, rights, "confirm", 409))["errors"][0][
        "code"
    ] == "notice_none"
    notice = await post_notice(scenario, rights)
    assert len(notice["content"]["rows"]) == 3
    await transition_transfer(scenario.bureau, rights, "confirm")
    assert await get_asset_states(scenario, assets) == {"confirmed"}
    first = (await scenario.bureau.get(f"/assets/{assets[0]['id']}")).json()
    assert first["certificate_no"] == "证0"

    anonymous = await create_transfer(scenario, "hand_over", assets)
    assert (await transition_transfer(scenario.town, anonymous, "submit", 409))["errors"][0][
        "code"
    ] == "no_parties"
    parties = {"giver": "黄羊镇人民政府", "receiver": "新店村股份经济合作社"}
    document = await create_transfer(scenario, "hand_over", assets, **parties)
    await transition_transfer(scenario.town, document, "submit")
    await transition_transfer(scenario.town, document, "give")
    assert await get_asset_states(scenario, assets) == {"offered"}
    await transition_transfer(scenario.town, document, "receive", 403)
    await transition_transfer(scenario.clerk, document, "receive")
    assert await get_asset_states(scenario, assets) == {"handed_over"}
    events = (await scenario.bureau.get("/assets/events", params={"types": "asset.handed_over"})).json()[
        "items"
    ]
    assert len(events) == 3


async def test_one_ineligible_asset_blocks_the_document(scenario: AssetScenario) -> None:
    assets = await create_three_assets(scenario)
    draft = await scenario.create_asset(name="没登记的")
    document = await create_transfer(scenario, "rights", [*assets, draft])
    refused = await transition_transfer(scenario.town, document, "submit", 409)
    assert "没登记的" in refused["errors"][0]["detail"]
    assert await get_asset_states(scenario, assets) == {"registered"}


async def test_a_cancelled_handover_returns_the_assets(scenario: AssetScenario) -> None:
    asset = await scenario.create_confirmed_asset()
    document = await create_transfer(scenario, "hand_over", [asset], giver="黄羊镇", receiver="新店村")
    await transition_transfer(scenario.town, document, "submit")
    await transition_transfer(scenario.town, document, "give")
    await transition_transfer(scenario.town, document, "cancel", 409)
    await transition_transfer(scenario.town, document, "cancel", reason="清单有误")
    assert await get_asset_states(scenario, [asset]) == {"confirmed"}


async def test_a_change_of_owner_keeps_the_code(scenario: AssetScenario) -> None:
    asset = await scenario.create_handed_over_asset()
    new = {"owner_kind": "town", "owner_name": "黄羊镇人民政府"}
    document = await create_transfer(
        scenario, "owner", [asset], giver="新店村股份经济合作社", receiver="黄羊镇人民政府", **new
    )
    await transition_transfer(scenario.town, document, "submit")
    await post_notice(scenario, document)
    await transition_transfer(scenario.town, document, "give")
    done = await transition_transfer(scenario.clerk, document, "receive")
    assert done["items"][0]["previous_owner"] == "新店村股份经济合作社"
    now = (await scenario.bureau.get(f"/assets/{asset['id']}")).json()
    assert (now["owner_kind"], now["owner_name"], now["code"]) == ("town", "黄羊镇人民政府", asset["code"])
    assert now["state"] == "handed_over"


async def test_a_document_includes_only_assets_of_its_region(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    body = {
        "kind": "rights",
        "region": "620602100202",
        "title": "别村的文书",
        "items": [{"asset_id": asset["id"]}],
    }
    refused = await scenario.town.post("/assets/transfers", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/items/0/asset_id")
    twice = {**body, "region": TOWN, "items": [{"asset_id": asset["id"]}] * 2}
    assert (await scenario.town.post("/assets/transfers", json=twice)).json()["errors"][0]["code"] == "twice"
    assert (
        await scenario.town.post("/assets/transfers", json={**body, "region": DISTRICT})
    ).status_code == 404


async def test_a_split_keeps_value_and_funding_exactly(scenario: AssetScenario) -> None:
    funding = [
        {"level": "central", "fund": "bridging", "amount": "300000.00"},
        {"level": "county", "fund": "own", "amount": "200000.00"},
    ]
    asset = await scenario.create_handed_over_asset(funding=funding)
    parts = [
        {"name": "一段", "original_value": "166666.67"},
        {"name": "二段", "original_value": "166666.67"},
        {"name": "三段", "original_value": "166666.67"},
    ]
    body = {"parts": parts, "reason": "分段管护"}
    refused = await scenario.bureau.post(f"/assets/{asset['id']}/split", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "value_not_kept")
    parts[2]["original_value"] = "166666.66"
    split = await scenario.bureau.post(f"/assets/{asset['id']}/split", json=body)
    assert split.status_code == 200, split.text
    old, new = split.json()["old"], split.json()["new"]
    assert old[0]["state"] == "superseded"
    assert {item["state"] for item in new} == {"handed_over"}
    assert len({item["code"] for item in new} | {asset["code"]}) == 4
    cents = sum(int(item["original_value"].replace(".", "")) for item in new)
    assert cents == 50_000_000
    amounts = [part["amount"] for item in new for part in item["funding"]]
    assert sum(int(amount.replace(".", "")) for amount in amounts) == 50_000_000
    summary = (await scenario.bureau.get("/assets/summary", params={"region": DISTRICT})).json()
    assert (summary["count"], summary["value"]) == (3, "500000.00")
    links = (await scenario.bureau.get(f"/assets/{asset['id']}/links")).json()
    assert sorted(item["new_id"] for item in links) == sorted(item["id"] for item in new)
    again = await scenario.bureau.post(f"/assets/{asset['id']}/split", json=body)
    assert again.status_code == 409
    assert (await scenario.clerk.post(f"/assets/{new[0]['id']}/split", json=body)).status_code == 403


async def test_a_split_copies_the_keeper_and_shares_adjustments(
    scenario: AssetScenario,
) -> None:
    asset = await scenario.create_registered_asset()
    keeper = {"unit": "新店村", "name": "张三", "phone": "13912345678", "starts_on": "2024-01-01"}
    await scenario.clerk.post(f"/assets/{asset['id']}/keepers", json=keeper)
    loss = {"kind": "impairment", "amount": "-100.00", "happened_on": "2024-02-01", "reason": "冻裂"}
    adjustment = (await scenario.clerk.post(f"/assets/{asset['id']}/adjustments", json=loss)).json()
    assert (
        await scenario.bureau.post(f"/assets/adjustments/{adjustment['id']}/approve", json={})
    ).status_code == 200
    part = {"name": "一段", "original_value": "166666.67"}
    parts = [part, {**part, "name": "二段"}, {"name": "三段", "original_value": "166666.66"}]
    body = {"parts": parts, "reason": "分段管护"}
    new = (await scenario.bureau.post(f"/assets/{asset['id']}/split", json=body)).json()["new"]
    assert sorted(item["adjusted"] for item in new) == ["-33.33", "-33.33", "-33.34"]
    book = (await scenario.bureau.get(f"/assets/{new[0]['id']}/book")).json()
    assert (book["adjusted"], book["adjustments"][0]["kind"]) == (new[0]["adjusted"], "impairment")
    (copied,) = (await scenario.clerk.get(f"/assets/{new[0]['id']}/keepers")).json()
    phone = await scenario.clerk.post(f"/assets/{new[0]['id']}/keepers/{copied['id']}/phone")
    assert (copied["name"], phone.json()["phone"]) == ("张三", "13912345678")


async def test_a_merge_adds_the_values_of_equal_assets(scenario: AssetScenario) -> None:
    assets = await create_three_assets(scenario)
    other = await scenario.create_registered_asset(
        name="扶贫车间", asset_class="operating", subclass="workshop"
    )
    body = {"asset_ids": [item["id"] for item in assets], "name": "新店村道路", "reason": "同一条路"}
    unlike = await scenario.bureau.post(
        "/assets/merge", json={**body, "asset_ids": [assets[0]["id"], other["id"]]}
    )
    assert unlike.json()["errors"][0]["code"] == "unlike"
    assert "类别(公益性资产 / 经营性资产)" in unlike.json()["detail"]
    assert "所有权人" not in unlike.json()["detail"].split("不同的是")[1]
    missing = await scenario.bureau.post(
        "/assets/merge", json={**body, "asset_ids": [assets[0]["id"], str(uuid4())]}
    )
    assert missing.json()["errors"][0]["code"] == "no_such_asset"
    ticket = await scenario.clerk.post(f"/assets/{assets[1]['id']}/repairs", json={"text": "塌陷"})
    blocked = await scenario.bureau.post("/assets/merge", json=body)
    assert (blocked.status_code, "的报修" in blocked.json()["detail"]) == (409, True)
    rejected = await scenario.clerk.post(
        f"/assets/repairs/{ticket.json()['id']}/reject", json={"reason": "已修"}
    )
    assert rejected.status_code == 200
    merged = await scenario.bureau.post("/assets/merge", json=body)
    assert merged.status_code == 200, merged.text
    (new,) = merged.json()["new"]
    assert (new["original_value"], new["origin"], new["state"]) == ("600000.00", "merge", "registered")
    assert await get_asset_states(scenario, assets) == {"superseded"}


async def test_the_action_route_cannot_supersede(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    refused = await scenario.transition_asset(scenario.bureau, asset["id"], "supersede", reason="直接")
    assert refused.json()["errors"][0]["code"] == "by_reshaping"
