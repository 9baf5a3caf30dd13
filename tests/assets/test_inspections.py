"""Somebody was there: photos, condition, and whether the place agrees."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.china import Datum, from_wgs84
from shared.db import new_id
from tests.assets.factories_assets import SAMPLE_PLACE, AssetScenario
from tests.conftest import Clock

DEGREES_PER_METRE_NORTH = 1 / 111_195


def build_fix(north_m: float, accuracy_m: float = 10) -> dict[str, Any]:
    return {
        **SAMPLE_PLACE,
        "lat": SAMPLE_PLACE["lat"] + north_m * DEGREES_PER_METRE_NORTH,  # type: ignore[operator]
        "accuracy_m": accuracy_m,
    }


@pytest.mark.parametrize(
    ("north_m", "verdict"), [(0, "inside"), (85, "inside"), (95, "unsure"), (105, "unsure"), (115, "outside")]
)
async def test_the_place_is_judged_against_the_assets(
    world: AssetScenario, north_m: float, verdict: str
) -> None:
    asset = await world.create_registered_asset()
    answered = await world.clerk.post(
        f"/assets/{asset['id']}/inspections", json={"condition": "good", "fix": build_fix(north_m)}
    )
    assert answered.status_code == 201, answered.text
    assert answered.json()["verdict"] == verdict


async def test_a_drawn_outline_counts_before_the_point(world: AssetScenario) -> None:
    x, y = SAMPLE_PLACE["lon"], SAMPLE_PLACE["lat"]
    ring = [[x, y], [x + 0.01, y], [x + 0.01, y + 0.01], [x, y + 0.01], [x, y]]  # type: ignore[operator]
    asset = await world.create_registered_asset(
        outline={"kind": "polygon", "datum": "wgs84", "coordinates": [ring]}
    )
    address = f"/assets/{asset['id']}/inspections"
    far = (await world.clerk.post(address, json={"condition": "good", "fix": build_fix(-500)})).json()
    assert far["verdict"] == "outside"
    within = {"lon": x + 0.005, "lat": y + 0.005, "datum": "wgs84", "accuracy_m": 20}  # type: ignore[operator]
    assert (await world.clerk.post(address, json={"condition": "good", "fix": within})).json()[
        "verdict"
    ] == "inside"


async def test_another_datum_is_the_same_place(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    lon, lat = from_wgs84(SAMPLE_PLACE["lon"], SAMPLE_PLACE["lat"], Datum.GCJ02)  # type: ignore[arg-type]
    fix = {"lon": lon, "lat": lat, "datum": "gcj02", "accuracy_m": 5}
    seen = (
        await world.clerk.post(f"/assets/{asset['id']}/inspections", json={"condition": "good", "fix": fix})
    ).json()
    assert seen["verdict"] == "inside"
    assert seen["fix"]["datum"] == "gcj02"


async def test_several_photos_and_a_past_date_are_kept(world: AssetScenario, clock: Clock) -> None:
    asset = await world.create_registered_asset()
    photos = [await world.upload_photo(), await world.upload_photo()]
    then = (clock.now() - timedelta(days=40)).isoformat()
    body = {"condition": "worn", "findings": "路肩有裂缝", "photos": photos, "inspected_at": then}
    seen = await world.clerk.post(f"/assets/{asset['id']}/inspections", json=body)
    assert (seen.status_code, seen.json()["photos"], seen.json()["verdict"]) == (201, photos, None)
    newer = await world.clerk.post(f"/assets/{asset['id']}/inspections", json={"condition": "good"})
    listed = (await world.bureau.get(f"/assets/{asset['id']}/inspections")).json()["items"]
    assert [one["id"] for one in listed] == [newer.json()["id"], seen.json()["id"]]
    known = (await world.bureau.get(f"/assets/{asset['id']}")).json()
    assert known["inspected_at"] == newer.json()["inspected_at"]
    future = (clock.now() + timedelta(days=1)).isoformat()
    refused = await world.clerk.post(
        f"/assets/{asset['id']}/inspections", json={"condition": "good", "inspected_at": future}
    )
    assert refused.status_code == 422


async def test_the_same_inspection_twice_is_one(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    body = {"id": str(new_id()), "condition": "good"}
    address = f"/assets/{asset['id']}/inspections"
    assert (await world.clerk.post(address, json=body)).status_code == 201
    assert (await world.clerk.post(address, json=body)).json()["id"] == body["id"]
    assert (await world.clerk.post(address, json={**body, "condition": "broken"})).status_code == 409
    assert len((await world.clerk.get(address)).json()["items"]) == 1
    told = (await world.bureau.get("/assets/events", params={"types": "asset.inspected"})).json()["items"]
    assert len(told) == 1
    assert not {"lon", "lat", "fix"} & set(told[0]["after"])


async def test_an_unknown_photo_is_refused(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    body = {"condition": "good", "photos": [str(uuid4())]}
    refused = await world.clerk.post(f"/assets/{asset['id']}/inspections", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/photos")


async def test_the_thread_of_a_project_ends_with_who_has_seen_it(world: AssetScenario) -> None:
    project = await world.deliver_project_accepted()
    (draft,) = (await world.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    await world.clerk.post(f"/assets/{draft['id']}/inspections", json={"condition": "good"})
    thread = (await world.bureau.get("/assets/thread", params={"project_id": str(project)})).json()
    assert [one["id"] for one in thread["assets"]] == [draft["id"]]
    assert [one["asset_id"] for one in thread["inspections"]] == [draft["id"]]
    assert thread["coverage"]["drafts"] == 1
    same = (await world.bureau.get("/assets/thread", params={"asset_id": draft["id"]})).json()
    assert same["project_id"] == str(project)
    assert (await world.bureau.get("/assets/thread")).status_code == 400


def build_inspection(asset: dict[str, Any], clock: Clock, hours: int, **more: Any) -> dict[str, Any]:
    then = (clock.now() - timedelta(hours=hours)).isoformat()
    return {"id": str(new_id()), "asset_id": asset["id"], "condition": "good", "inspected_at": then, **more}


async def post_inspections(client: Any, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answered = await client.post("/assets/inspections", json={"items": items})
    assert answered.status_code == 200, answered.text
    taken: list[dict[str, Any]] = answered.json()["items"]
    assert [one["id"] for one in taken] == [one["id"] for one in items]
    return taken


async def test_a_batch_from_offline_is_taken_item_by_item(world: AssetScenario, clock: Clock) -> None:
    road = await world.create_registered_asset()
    first = build_inspection(road, clock, 3, fix=build_fix(5000))
    items = [
        first,
        {**build_inspection(road, clock, 2), "condition": "splendid"},
        build_inspection(road, clock, 2, photos=[str(uuid4())]),
        build_inspection({"id": str(uuid4())}, clock, 2),
        build_inspection(road, clock, -1),
        {**first, "findings": "别的内容"},
        first,
        build_inspection(road, clock, 1),
    ]
    taken = await post_inspections(world.clerk, items)
    results = ["applied", *(["refused"] * 5), "duplicate", "applied"]
    assert [one["taken"] for one in taken] == results
    assert (taken[0]["verdict"], taken[1]["errors"][0]["pointer"]) == ("outside", "/condition")
    assert "上传" in taken[2]["words"]
    assert len((await world.clerk.get(f"/assets/{road['id']}/inspections")).json()["items"]) == 2
    leader = world.door.client_as("leader")
    assert (await leader.post("/assets/inspections", json={"items": items})).status_code == 403


async def test_batches_come_late_twice_and_in_any_order(world: AssetScenario, clock: Clock) -> None:
    well = await world.create_registered_asset(name="机井", subclass="water")
    late = build_inspection(well, clock, 1, photos=[await world.upload_photo()], fix=build_fix(0))
    early = build_inspection(well, clock, 9, condition="broken", findings="坏")
    assert [one["taken"] for one in await post_inspections(world.clerk, [late, early])] == [
        "applied",
        "applied",
    ]
    assert [one["taken"] for one in await post_inspections(world.clerk, [early, late])] == [
        "duplicate",
        "duplicate",
    ]
    known = (await world.bureau.get(f"/assets/{well['id']}")).json()
    assert known["inspected_at"][:19] == (clock.now() - timedelta(hours=1)).isoformat()[:19]
    assert len((await world.clerk.get(f"/assets/{well['id']}/repairs")).json()) == 1
    single = {name: value for name, value in late.items() if name != "asset_id"}
    same = await world.clerk.post(f"/assets/{well['id']}/inspections", json=single)
    assert (same.status_code, same.json()["id"]) == (201, late["id"])


async def test_long_findings_of_damage_still_open_a_ticket(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    for words in ("坏" * 2000, " 坏 "):
        look = {"condition": "unusable", "findings": words}
        assert (await world.clerk.post(f"/assets/{asset['id']}/inspections", json=look)).status_code == 201
    texts = [one["text"] for one in (await world.clerk.get(f"/assets/{asset['id']}/repairs")).json()]
    assert texts == ["坏" * 1000, "坏"]


async def test_use_changes_need_reason_evidence_person_and_deadline(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    bare = await world.transition_asset(world.clerk, asset["id"], "mark_idle")
    codes = {one["code"] for one in bare.json()["errors"]}
    assert (bare.status_code, codes) == (409, {"no_reason", "no_evidence", "not_assigned"})
    photo = await world.upload_photo()
    deadline = str(world.today() + timedelta(days=30))
    full = {"reason": "无人使用", "evidence": [photo], "person": "王主任", "deadline": deadline}
    late = await world.transition_asset(
        world.clerk, asset["id"], "mark_idle", **{**full, "deadline": "2024-01-01"}
    )
    assert late.json()["errors"][0]["code"] == "deadline_past"
    idle = await world.transition_asset_ok(world.clerk, asset["id"], "mark_idle", **full)
    assert (idle["use"], idle["use_person"], idle["use_deadline"], idle["state"]) == (
        "idle",
        "王主任",
        deadline,
        "registered",
    )
    back = await world.transition_asset_ok(
        world.clerk, asset["id"], "bring_back", reason="已出租", evidence=[photo]
    )
    assert (back["use"], back["use_deadline"]) == ("in_use", None)
    assert [(one["was"], one["now"]) for one in back["use_changes"]] == [
        ("in_use", "idle"),
        ("idle", "in_use"),
    ]
    disposed = await world.transition_asset(world.bureau, asset["id"], "dispose", reason="报废")
    assert disposed.json()["errors"][0]["code"] == "no_disposal"


async def test_a_draft_has_no_use_to_change(world: AssetScenario) -> None:
    asset = await world.create_asset()
    refused = await world.transition_asset(world.clerk, asset["id"], "mark_idle", reason="无人使用")
    assert "not_registered" in {one["code"] for one in refused.json()["errors"]}
