"""The register over HTTP: create, register, confirm, hand over, read."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.db import new_id
from tests.assets.factories_assets import SAMPLE_PLACE, AssetScenario, build_asset
from tests.clients import DISTRICT, TOWN
from tests.conftest import Clock


async def test_an_asset_goes_from_draft_to_handed_over_with_two_people(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset()
    assert (asset["state"], asset["code"], asset["use"]) == ("draft", "", "in_use")
    registered = await scenario.transition_asset_ok(scenario.clerk, asset["id"], "register")
    assert (registered["state"], registered["code"]) == ("registered", "6206022019GY00001")
    early = await scenario.transition_asset(scenario.bureau, asset["id"], "confirm")
    assert (early.status_code, early.json()["errors"][0]["code"]) == (409, "notice_none")
    await scenario.post_notice(asset["id"], starts=scenario.today() - timedelta(days=11))
    confirmed = await scenario.transition_asset_ok(
        scenario.bureau, asset["id"], "confirm", certificate_no="凉资确1号"
    )
    assert (confirmed["state"], confirmed["certificate_no"]) == ("confirmed", "凉资确1号")
    unnamed = await scenario.transition_asset(scenario.town, asset["id"], "hand_over")
    assert unnamed.json()["errors"][0]["code"] == "no_parties"
    parties = {"giver": "黄羊镇人民政府", "receiver": "新店村股份经济合作社"}
    offered = await scenario.transition_asset_ok(scenario.town, asset["id"], "hand_over", **parties)
    assert offered["state"] == "offered"
    refused = await scenario.transition_asset(scenario.town, asset["id"], "receive")
    assert refused.status_code == 403
    received = await scenario.transition_asset_ok(scenario.clerk, asset["id"], "receive")
    assert (received["state"], received["handed_over_on"]) == ("handed_over", str(scenario.today()))
    assert received["code"] == registered["code"]


async def test_the_giver_cannot_receive_the_asset(scenario: AssetScenario) -> None:
    asset = await scenario.create_confirmed_asset()
    await scenario.transition_asset_ok(
        scenario.town, asset["id"], "hand_over", giver="黄羊镇", receiver="新店村"
    )
    refused = await scenario.transition_asset(scenario.town, asset["id"], "receive")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    other = scenario.service.client_as("town_officer", person="another-town-officer")
    assert (await scenario.transition_asset_ok(other, asset["id"], "receive"))["state"] == "handed_over"


async def test_the_registrar_cannot_confirm(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset(scenario.bureau)
    await scenario.transition_asset_ok(scenario.bureau, asset["id"], "register")
    await scenario.post_notice(asset["id"], starts=scenario.today() - timedelta(days=11))
    refused = await scenario.transition_asset(scenario.bureau, asset["id"], "confirm")
    assert refused.status_code == 403
    second = scenario.service.client_as("bureau", person="second")
    assert (await scenario.transition_asset_ok(second, asset["id"], "confirm"))["state"] == "confirmed"


async def test_an_objection_blocks_confirmation(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    notice = await scenario.post_notice(asset["id"], starts=scenario.today() - timedelta(days=11))
    address = f"/assets/notices/{notice['id']}/objections"
    visit = {"text": "该路段属邻村", "channel": "visit", "raised_at": f"{notice['ends_on']}T10:00:00+08:00"}
    objection = (await scenario.clerk.post(address, json=visit)).json()
    stopped = await scenario.transition_asset(scenario.bureau, asset["id"], "confirm")
    assert stopped.json()["errors"][0]["code"] == "notice_objected"
    answer = {"answer": "经核实界线清楚, 属新店村", "upheld": False}
    answer_address = f"{address}/{objection['id']}/answer"
    assert (await scenario.town.post(answer_address, json=answer)).status_code == 403
    response = await scenario.bureau.post(answer_address, json=answer)
    assert response.status_code == 200, response.text
    assert (await scenario.transition_asset_ok(scenario.bureau, asset["id"], "confirm"))[
        "state"
    ] == "confirmed"


async def test_a_running_notice_blocks_confirmation(scenario: AssetScenario, clock: Clock) -> None:
    asset = await scenario.create_registered_asset()
    await scenario.post_notice(asset["id"], starts=scenario.today())
    waiting = await scenario.transition_asset(scenario.bureau, asset["id"], "confirm")
    assert waiting.json()["errors"][0]["code"] == "notice_running"
    clock.advance(timedelta(days=10))
    assert (await scenario.transition_asset_ok(scenario.bureau, asset["id"], "confirm"))[
        "state"
    ] == "confirmed"


async def test_a_returned_asset_needs_a_new_notice(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    await scenario.post_notice(asset["id"], starts=scenario.today() - timedelta(days=11))
    await scenario.transition_asset_ok(scenario.bureau, asset["id"], "return", reason="所有权人写错")
    changed = await scenario.clerk.patch(
        f"/assets/{asset['id']}", json={"owner_name": "新店村村民委员会"}, headers={"If-Match": "*"}
    )
    assert changed.status_code == 428
    tag = (await scenario.clerk.get(f"/assets/{asset['id']}")).headers["ETag"]
    body = {"owner_name": "新店村村民委员会"}
    changed = await scenario.clerk.patch(f"/assets/{asset['id']}", json=body, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    again = await scenario.transition_asset_ok(scenario.clerk, asset["id"], "register")
    assert again["code"] == asset["code"]
    refused = await scenario.transition_asset(scenario.bureau, asset["id"], "confirm")
    assert refused.json()["errors"][0]["code"] == "notice_none"


async def test_past_transitions_keep_their_dates(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset(happened_at="2020-01-05T09:00:00+08:00")
    await scenario.transition_asset_ok(
        scenario.clerk, asset["id"], "register", happened_at="2020-01-10T09:00:00+08:00"
    )
    await scenario.town.post(
        f"/assets/{asset['id']}/notices",
        json={
            "level": "rights",
            "places": ["公示栏"],
            "starts_on": "2020-01-11",
            "ends_on": "2020-01-20",
            "photo": await scenario.upload_photo(),
        },
    )
    early = await scenario.transition_asset(
        scenario.bureau, asset["id"], "confirm", happened_at="2020-01-20T09:00:00+08:00"
    )
    assert early.json()["errors"][0]["code"] == "notice_running"
    confirmed = await scenario.transition_asset_ok(
        scenario.bureau, asset["id"], "confirm", happened_at="2020-01-21T09:00:00+08:00"
    )
    assert confirmed["confirmed_on"] == "2020-01-21"
    backwards = await scenario.transition_asset(
        scenario.town,
        asset["id"],
        "hand_over",
        giver="黄羊镇",
        receiver="新店村",
        happened_at="2020-01-20T09:00:00+08:00",
    )
    assert backwards.json()["errors"][0]["code"] == "before_previous"
    events = (await scenario.bureau.get(f"/assets/{asset['id']}/history")).json()
    moves = [(item["type"], item["recorded_at"][:10], item["ingested_at"][:10]) for item in events]
    assert moves[0] == ("asset.entered", "2020-01-05", "2024-05-20")
    assert moves[-1] == ("asset.moved", "2020-01-21", "2024-05-20")


async def test_a_dry_run_says_what_is_missing_and_changes_nothing(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset(owner_kind="unknown", owner_name="", subclass="", original_value="0")
    preview = await scenario.clerk.post(f"/assets/{asset['id']}/register?dry_run=true", json={})
    assert preview.status_code == 200
    assert preview.json()["allowed"] is False
    text = preview.json()["missing"][0]["detail"]
    assert all(word in text for word in ("子类", "原值", "所有权人"))
    assert (await scenario.clerk.get(f"/assets/{asset['id']}")).json()["state"] == "draft"
    refused = await scenario.transition_asset(scenario.clerk, asset["id"], "register")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-ready")


async def test_available_actions_are_those_of_the_caller(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    address = f"/assets/{asset['id']}"

    async def names(client: Any) -> set[str]:
        return {item["action"] for item in (await client.get(address)).json()["available_actions"]}

    assert await names(scenario.clerk) == {"mark_low_yield", "mark_idle", "mark_damaged"}
    assert await names(scenario.bureau) == {"return", "confirm"}
    assert await names(scenario.service.client_as("leader")) == set()


async def test_codes_are_numbered_per_year_and_class(scenario: AssetScenario) -> None:
    first = await scenario.create_registered_asset()
    second = await scenario.create_registered_asset(name="新店村水窖", subclass="irrigation")
    other_year = await scenario.create_registered_asset(
        name="新店村广场", subclass="culture", built_on="2020-05-01"
    )
    other_class = await scenario.create_registered_asset(
        name="扶贫车间", asset_class="operating", subclass="workshop"
    )
    assert [item["code"] for item in (first, second, other_year, other_class)] == [
        "6206022019GY00001",
        "6206022019GY00002",
        "6206022020GY00001",
        "6206022019JY00001",
    ]
    items = (await scenario.bureau.get("/assets", params={"code": "6206022019GY00002"})).json()["items"]
    assert [item["name"] for item in items] == ["新店村水窖"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"subclass": "workshop"}, "/subclass"),
        ({"built_on": "2031-01-01"}, "/built_on"),
        ({"built_on": "1900-01-01"}, "/built_on"),
        ({"owner_kind": "household"}, "/owner_kind"),
        ({"track": "revive"}, "/track"),
        ({"funding": [{"amount": "500000.01", "fund": "bridging"}]}, "/funding"),
        ({"photos": ["0190aaaa-0000-7000-8000-000000000000"]}, "/photos"),
        ({"original_value": "-1"}, "/original_value"),
        ({"original_value": 500000}, "/original_value"),
        ({"place": {"lon": 0, "lat": 0, "datum": "wgs84"}}, "/place"),
        ({"region": "6206021"}, "/region"),
        ({"owner_code": "N2620602MF0000000X"}, "/owner_code"),
        ({"holders": {"use": {"kind": "village", "name": ""}}}, "/holders/use/name"),
    ],
)
async def test_invalid_fields_are_named_by_pointer(
    scenario: AssetScenario, changes: dict[str, Any], pointer: str
) -> None:
    refused = await scenario.clerk.post("/assets", json=build_asset(**changes))
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)


async def test_the_identity_of_a_registered_asset_is_fixed(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    address = f"/assets/{asset['id']}"
    tag = (await scenario.clerk.get(address)).headers["ETag"]
    fixed = await scenario.clerk.patch(address, json={"original_value": "1.00"}, headers={"If-Match": tag})
    assert (fixed.status_code, fixed.json()["errors"][0]["pointer"]) == (409, "/original_value")
    silent = await scenario.clerk.patch(address, json={"households": 12}, headers={"If-Match": tag})
    assert (silent.status_code, silent.json()["errors"][0]["pointer"]) == (422, "/reason")
    body = {"households": 12, "reason": "核实受益户数"}
    changed = await scenario.clerk.patch(address, json=body, headers={"If-Match": tag})
    assert changed.json()["households"] == 12
    stale = await scenario.clerk.patch(address, json=body, headers={"If-Match": tag})
    assert stale.status_code == 412


async def test_a_repeated_create_is_idempotent_and_other_content_conflicts(scenario: AssetScenario) -> None:
    identifier = str(new_id())
    first = await scenario.clerk.post("/assets", json=build_asset(id=identifier))
    again = await scenario.clerk.post("/assets", json=build_asset(id=identifier))
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 201, identifier)
    assert (
        await scenario.clerk.post("/assets", json=build_asset(id=identifier, name="别的"))
    ).status_code == 409
    events = (await scenario.bureau.get(f"/assets/{identifier}/history")).json()
    assert [item["type"] for item in events] == ["asset.entered"]


async def test_positions_are_converted_and_the_original_is_kept(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset(place={"lon": 102.9050, "lat": 37.6030, "datum": "gcj02"})
    assert asset["place"] == {"lon": 102.9050, "lat": 37.6030, "datum": "gcj02"}
    assert asset["lon"] != 102.9050
    assert abs(asset["lon"] - 102.9050) < 0.01
    circle = {**SAMPLE_PLACE, "kind": "circle", "radius_m": 50.0}
    drawn = await scenario.create_asset(name="新店村广场", subclass="culture", outline=circle)
    assert drawn["outline"]["radius_m"] == 50


async def test_lists_filter_sort_and_page(scenario: AssetScenario) -> None:
    for number in range(3):
        await scenario.create_asset(name=f"新店村道路{number}", original_value=f"{number + 1}00.00")
    await scenario.create_registered_asset(name="扶贫车间", asset_class="operating", subclass="workshop")
    first = (await scenario.bureau.get("/assets", params={"limit": 3, "sort": "-original_value"})).json()
    rest = (
        await scenario.bureau.get(
            "/assets", params={"limit": 3, "sort": "-original_value", "cursor": first["next_cursor"]}
        )
    ).json()
    values = [item["original_value"] for item in first["items"] + rest["items"]]
    assert values == ["500000.00", "300.00", "200.00", "100.00"]
    narrowed = (
        await scenario.bureau.get("/assets", params={"state": "registered", "asset_class": "operating"})
    ).json()
    assert [item["name"] for item in narrowed["items"]] == ["扶贫车间"]
    for query in ("扶贫车间", "车间", "fpcj", "chejian"):
        items = (await scenario.bureau.get("/assets", params={"q": query})).json()["items"]
        assert [item["name"] for item in items] == ["扶贫车间"], query
    assert (await scenario.bureau.get("/assets", params={"sort": "name"})).status_code == 400


async def test_the_project_name_comes_from_the_projects_service_or_is_text(scenario: AssetScenario) -> None:
    unknown = await scenario.clerk.post("/assets", json=build_asset(project_id=str(uuid4())))
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "no_such_project")
    asset = await scenario.create_registered_asset(project_name="2016年道路硬化")
    assert asset["project_name"] == "2016年道路硬化"
    project = await scenario.deliver_project_accepted()
    tag = (await scenario.clerk.get(f"/assets/{asset['id']}")).headers["ETag"]
    linked = await scenario.clerk.patch(
        f"/assets/{asset['id']}",
        json={"project_id": str(project), "reason": "查到立项文件"},
        headers={"If-Match": tag},
    )
    assert linked.json()["project_name"] == "新店村产业道路建设项目"
    agreed = (await scenario.bureau.get("/assets/summary", params={"region": DISTRICT})).json()["agreement"]
    assert (agreed["settled"], agreed["registered"]) == ("1200000.00", "500000.00")


async def test_an_asset_is_absent_outside_its_region(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    address = f"/assets/{asset['id']}"
    for response in (
        await elsewhere.get(address),
        await elsewhere.get(f"{address}/history"),
        await elsewhere.get(f"{address}/inspections"),
        await elsewhere.post(f"{address}/mark_idle", json={"reason": "无"}),
        await elsewhere.post(f"{address}/inspections", json={"condition": "good"}),
        await elsewhere.patch(address, json={"households": 1}),
    ):
        assert response.status_code == 404, response.text
    assert (await elsewhere.get("/assets")).json()["items"] == []
    assert (await elsewhere.post("/assets", json=build_asset())).status_code == 404
    cadre = scenario.service.client_as("cadre")
    assert (await cadre.get(address)).status_code == 200
    assert (await cadre.post("/assets", json=build_asset())).status_code == 403
    assert (await cadre.post(f"{address}/register", json={})).status_code == 403
    assert (await scenario.service.anonymous_client().get(address)).status_code == 401
    assert (await scenario.town.get(f"/assets/{uuid4()}")).status_code == 404
    assert TOWN


async def test_a_discarded_draft_is_kept(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset()
    assert (await scenario.transition_asset(scenario.bureau, asset["id"], "discard")).status_code == 409
    discarded = await scenario.transition_asset_ok(
        scenario.bureau, asset["id"], "discard", reason="与另一草稿重复"
    )
    assert (discarded["state"], discarded["available_actions"]) == ("discarded", [])
    refused = await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json={"condition": "good"})
    assert refused.status_code == 409
