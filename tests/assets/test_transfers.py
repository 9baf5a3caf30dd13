"""One document over many assets; splitting and merging with every fen kept."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, TOWN, VILLAGE


async def create_three_assets(world: AssetScenario) -> list[dict[str, Any]]:
    return [
        await world.create_registered_asset(name=f"新店村道路{at}", original_value=f"{at + 1}00000.00")
        for at in range(3)
    ]


async def create_transfer(
    world: AssetScenario, kind: str, assets: list[dict[str, Any]], **changes: Any
) -> dict[str, Any]:
    body = {
        "kind": kind,
        "region": VILLAGE,
        "number": "黄政资〔2024〕3号",
        "title": "新店村资产确权移交",
        "items": [{"asset_id": one["id"], "certificate_no": f"证{at}"} for at, one in enumerate(assets)],
        **changes,
    }
    answered = await world.town.post("/assets/transfers", json=body)
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def transition_transfer(
    client: Any, document: dict[str, Any], action: str, status: int = 200, **body: Any
) -> dict[str, Any]:
    answered = await client.post(f"/assets/transfers/{document['id']}/{action}", json=body)
    assert answered.status_code == status, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def post_notice(world: AssetScenario, document: dict[str, Any]) -> dict[str, Any]:
    starts = str(world.today() - timedelta(days=11))
    answered = await world.town.post(
        f"/assets/transfers/{document['id']}/notices",
        json={"level": "rights", "places": ["村务公开栏"], "starts_on": starts},
    )
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def get_asset_states(world: AssetScenario, assets: list[dict[str, Any]]) -> set[str]:
    return {(await world.bureau.get(f"/assets/{one['id']}")).json()["state"] for one in assets}


async def test_one_document_confirms_and_another_hands_over_many_assets(world: AssetScenario) -> None:
    assets = await create_three_assets(world)
    rights = await create_transfer(world, "rights", assets)
    assert rights["total"] == "600000.00"
    await transition_transfer(world.town, rights, "submit")
    assert (await transition_transfer(world.bureau, rights, "confirm", 409))["errors"][0][
        "code"
    ] == "notice_none"
    notice = await post_notice(world, rights)
    assert len(notice["content"]["rows"]) == 3
    await transition_transfer(world.bureau, rights, "confirm")
    assert await get_asset_states(world, assets) == {"confirmed"}
    first = (await world.bureau.get(f"/assets/{assets[0]['id']}")).json()
    assert first["certificate_no"] == "证0"

    nobody = await create_transfer(world, "hand_over", assets)
    assert (await transition_transfer(world.town, nobody, "submit", 409))["errors"][0]["code"] == "no_parties"
    parties = {"giver": "黄羊镇人民政府", "receiver": "新店村股份经济合作社"}
    document = await create_transfer(world, "hand_over", assets, **parties)
    await transition_transfer(world.town, document, "submit")
    await transition_transfer(world.town, document, "give")
    assert await get_asset_states(world, assets) == {"offered"}
    await transition_transfer(world.town, document, "receive", 403)
    await transition_transfer(world.clerk, document, "receive")
    assert await get_asset_states(world, assets) == {"handed_over"}
    told = (await world.bureau.get("/assets/events", params={"types": "asset.handed_over"})).json()["items"]
    assert len(told) == 3


async def test_one_unfit_asset_stops_the_whole_document(world: AssetScenario) -> None:
    assets = await create_three_assets(world)
    draft = await world.create_asset(name="没登记的")
    document = await create_transfer(world, "rights", [*assets, draft])
    refused = await transition_transfer(world.town, document, "submit", 409)
    assert "没登记的" in refused["errors"][0]["detail"]
    assert await get_asset_states(world, assets) == {"registered"}


async def test_a_cancelled_hand_over_gives_the_assets_back(world: AssetScenario) -> None:
    asset = await world.create_confirmed_asset()
    document = await create_transfer(world, "hand_over", [asset], giver="黄羊镇", receiver="新店村")
    await transition_transfer(world.town, document, "submit")
    await transition_transfer(world.town, document, "give")
    await transition_transfer(world.town, document, "cancel", 409)
    await transition_transfer(world.town, document, "cancel", reason="清单有误")
    assert await get_asset_states(world, [asset]) == {"confirmed"}


async def test_the_code_survives_a_change_of_owner(world: AssetScenario) -> None:
    asset = await world.create_handed_over_asset()
    new = {"owner_kind": "town", "owner_name": "黄羊镇人民政府"}
    document = await create_transfer(
        world, "owner", [asset], giver="新店村股份经济合作社", receiver="黄羊镇人民政府", **new
    )
    await transition_transfer(world.town, document, "submit")
    await post_notice(world, document)
    await transition_transfer(world.town, document, "give")
    done = await transition_transfer(world.clerk, document, "receive")
    assert done["items"][0]["previous_owner"] == "新店村股份经济合作社"
    now = (await world.bureau.get(f"/assets/{asset['id']}")).json()
    assert (now["owner_kind"], now["owner_name"], now["code"]) == ("town", "黄羊镇人民政府", asset["code"])
    assert now["state"] == "handed_over"


async def test_a_document_holds_only_assets_of_its_region(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    body = {
        "kind": "rights",
        "region": "620602100202",
        "title": "别村的文书",
        "items": [{"asset_id": asset["id"]}],
    }
    refused = await world.town.post("/assets/transfers", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/items/0/asset_id")
    twice = {**body, "region": TOWN, "items": [{"asset_id": asset["id"]}] * 2}
    assert (await world.town.post("/assets/transfers", json=twice)).json()["errors"][0]["code"] == "twice"
    assert (await world.town.post("/assets/transfers", json={**body, "region": DISTRICT})).status_code == 404


async def test_a_split_keeps_every_fen(world: AssetScenario) -> None:
    funding = [
        {"level": "central", "fund": "bridging", "amount": "300000.00"},
        {"level": "county", "fund": "own", "amount": "200000.00"},
    ]
    asset = await world.create_handed_over_asset(funding=funding)
    parts = [
        {"name": "一段", "original_value": "166666.67"},
        {"name": "二段", "original_value": "166666.67"},
        {"name": "三段", "original_value": "166666.67"},
    ]
    body = {"parts": parts, "reason": "分段管护"}
    refused = await world.bureau.post(f"/assets/{asset['id']}/split", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "value_not_kept")
    parts[2]["original_value"] = "166666.66"
    made = await world.bureau.post(f"/assets/{asset['id']}/split", json=body)
    assert made.status_code == 200, made.text
    old, new = made.json()["old"], made.json()["new"]
    assert old[0]["state"] == "superseded"
    assert {one["state"] for one in new} == {"handed_over"}
    assert len({one["code"] for one in new} | {asset["code"]}) == 4
    cents = sum(int(one["original_value"].replace(".", "")) for one in new)
    assert cents == 50_000_000
    spread = [part["amount"] for one in new for part in one["funding"]]
    assert sum(int(amount.replace(".", "")) for amount in spread) == 50_000_000
    summary = (await world.bureau.get("/assets/summary", params={"region": DISTRICT})).json()
    assert (summary["count"], summary["value"]) == (3, "500000.00")
    links = (await world.bureau.get(f"/assets/{asset['id']}/links")).json()
    assert sorted(one["new_id"] for one in links) == sorted(one["id"] for one in new)
    again = await world.bureau.post(f"/assets/{asset['id']}/split", json=body)
    assert again.status_code == 409
    assert (await world.clerk.post(f"/assets/{new[0]['id']}/split", json=body)).status_code == 403


async def test_what_was_split_keeps_its_keeper_and_its_share_of_every_adjustment(
    world: AssetScenario,
) -> None:
    asset = await world.create_registered_asset()
    keeper = {"unit": "新店村", "name": "张三", "phone": "13912345678", "starts_on": "2024-01-01"}
    await world.clerk.post(f"/assets/{asset['id']}/keepers", json=keeper)
    loss = {"kind": "impairment", "amount": "-100.00", "happened_on": "2024-02-01", "reason": "冻裂"}
    made = (await world.clerk.post(f"/assets/{asset['id']}/adjustments", json=loss)).json()
    assert (await world.bureau.post(f"/assets/adjustments/{made['id']}/approve", json={})).status_code == 200
    part = {"name": "一段", "original_value": "166666.67"}
    parts = [part, {**part, "name": "二段"}, {"name": "三段", "original_value": "166666.66"}]
    body = {"parts": parts, "reason": "分段管护"}
    new = (await world.bureau.post(f"/assets/{asset['id']}/split", json=body)).json()["new"]
    assert sorted(one["adjusted"] for one in new) == ["-33.33", "-33.33", "-33.34"]
    book = (await world.bureau.get(f"/assets/{new[0]['id']}/book")).json()
    assert (book["adjusted"], book["adjustments"][0]["kind"]) == (new[0]["adjusted"], "impairment")
    (kept,) = (await world.clerk.get(f"/assets/{new[0]['id']}/keepers")).json()
    phone = await world.clerk.post(f"/assets/{new[0]['id']}/keepers/{kept['id']}/phone")
    assert (kept["name"], phone.json()["phone"]) == ("张三", "13912345678")


async def test_a_merger_adds_the_values_of_like_assets(world: AssetScenario) -> None:
    assets = await create_three_assets(world)
    other = await world.create_registered_asset(name="扶贫车间", asset_class="operating", subclass="workshop")
    body = {"asset_ids": [one["id"] for one in assets], "name": "新店村道路", "reason": "同一条路"}
    unlike = await world.bureau.post(
        "/assets/merge", json={**body, "asset_ids": [assets[0]["id"], other["id"]]}
    )
    assert unlike.json()["errors"][0]["code"] == "unlike"
    assert "类别(公益性资产 / 经营性资产)" in unlike.json()["detail"]
    assert "所有权人" not in unlike.json()["detail"].split("不同的是")[1]
    lost = await world.bureau.post(
        "/assets/merge", json={**body, "asset_ids": [assets[0]["id"], str(uuid4())]}
    )
    assert lost.json()["errors"][0]["code"] == "no_such_asset"
    ticket = await world.clerk.post(f"/assets/{assets[1]['id']}/repairs", json={"text": "塌陷"})
    busy = await world.bureau.post("/assets/merge", json=body)
    assert (busy.status_code, "的报修" in busy.json()["detail"]) == (409, True)
    rejected = await world.clerk.post(
        f"/assets/repairs/{ticket.json()['id']}/reject", json={"reason": "已修"}
    )
    assert rejected.status_code == 200
    made = await world.bureau.post("/assets/merge", json=body)
    assert made.status_code == 200, made.text
    (new,) = made.json()["new"]
    assert (new["original_value"], new["origin"], new["state"]) == ("600000.00", "merge", "registered")
    assert await get_asset_states(world, assets) == {"superseded"}


async def test_nothing_is_split_by_the_verb_route(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    refused = await world.transition_asset(world.bureau, asset["id"], "supersede", reason="直接")
    assert refused.json()["errors"][0]["code"] == "by_reshaping"
