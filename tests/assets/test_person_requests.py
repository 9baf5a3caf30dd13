"""个人信息请求 in assets: a former keeper and who reported a repair are shown and erased, the present keeper stays."""

from shared.events.fsck import check_service
from tests.assets.factories_assets import AssetScenario
from tests.assets.test_custody import KEEPER_BODY
from tests.clients import DISTRICT
from tests.stored_text_search import find_clear_text

REQUESTS = "/assets/person-requests"
NAME, PHONE = "李四", "13812341234"
BODY = {
    "kind": "erasure",
    "basis": "purpose_over",
    "region": DISTRICT,
    "name": NAME,
    "phone": PHONE,
    "document": "甘凉信申〔2026〕12号",
}


async def test_a_former_keeper_who_reported_a_repair_is_erased(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    address = f"/assets/{asset['id']}/keepers"
    assert (await scenario.clerk.post(address, json=KEEPER_BODY)).status_code == 201
    told = {"text": "路面塌陷", "contact": PHONE}
    scan = f"/assets/scan/{asset['code']}/repairs"
    ticket = (await scenario.service.anonymous_client().post(scan, json=told)).json()["id"]
    request = (await scenario.bureau.post(REQUESTS, json=BODY)).json()["id"]
    second = scenario.service.client_as("bureau", person="second")
    refused = await second.post(f"{REQUESTS}/{request}/erase", json={})
    assert refused.status_code == 409
    assert "还在管护" in refused.json()["detail"]
    assert "还没有办结" in refused.json()["detail"]

    successor = KEEPER_BODY | {"name": "王五", "phone": "13812340000", "starts_on": str(scenario.today())}
    assert (await scenario.clerk.post(address, json=successor)).status_code == 201
    await scenario.town.post(f"/assets/repairs/{ticket}/reject", json={"reason": "不属于本资产"})
    read = await scenario.bureau.post(f"{REQUESTS}/{request}/readings", json={"purpose": "答复申请人"})
    shown = {one["label"]: one["values"] for one in read.json()["rows"]}
    assert (shown["管护责任人"]["phone"], shown["报修"]["contact"], "王五" in read.text) == (
        PHONE,
        PHONE,
        False,
    )
    done = await second.post(f"{REQUESTS}/{request}/erase", json={})
    assert done.status_code == 200, done.text
    assert [(one["label"], one["erased"]) for one in done.json()["outcome"]] == [
        ("管护责任人", 1),
        ("报修", 1),
    ]
    assert await find_clear_text(scenario.service.context, PHONE) == []
    named = await find_clear_text(scenario.service.context, NAME)
    assert not {"keeper.name", "asset.keeper_name", "event_log.after", "event_log.reason"} & set(named)
    keepers = (await scenario.bureau.get(address)).json()
    assert [(one["name"], one["phone_masked"]) for one in keepers] == [
        ("已删除", ""),
        ("王五", "138****0000"),
    ]


async def test_the_owner_of_a_household_asset_and_the_kept_name_are_erased_when_it_is_over(
    scenario: AssetScenario,
) -> None:
    """In the village of the request: a household that owned an asset, and the keeper's name beside the asset."""
    asset = await scenario.create_asset(
        asset_class="household", subclass="biological", owner_kind="household", owner_name=NAME
    )
    body = BODY | {"region": asset["region"], "phone": None}
    request = (await scenario.bureau.post(REQUESTS, json=body)).json()["id"]
    second = scenario.service.client_as("bureau", person="second")
    refused = await second.post(f"{REQUESTS}/{request}/erase", json={})
    assert "还是资产的所有权人" in refused.json()["detail"]
    discarded = await scenario.transition_asset(scenario.bureau, asset["id"], "discard", reason="登记有误")
    assert discarded.status_code == 200, discarded.text
    done = await second.post(f"{REQUESTS}/{request}/erase", json={})
    assert [(one["label"], one["erased"]) for one in done.json()["outcome"]] == [("资产的所有权人", 1)]
    left = (await scenario.bureau.get(f"/assets/{asset['id']}")).json()
    assert (left["owner_name"], left["holders"]) == ("已删除", {})
    fsck = scenario.service.system.apps["assets"].state.fsck
    assert (await check_service("assets", scenario.service.context.database, fsck)).differences == []
