"""Inspections: photos, condition, position verdict, batches, changes of use."""

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
async def test_the_verdict_compares_the_fix_with_the_position_of_the_asset(
    scenario: AssetScenario, north_m: float, verdict: str
) -> None:
    asset = await scenario.create_registered_asset()
    response = await scenario.clerk.post(
        f"/assets/{asset['id']}/inspections", json={"condition": "good", "fix": build_fix(north_m)}
    )
    assert response.status_code == 201, response.text
    assert response.json()["verdict"] == verdict


async def test_an_outline_takes_precedence_over_the_point(scenario: AssetScenario) -> None:
    x, y = SAMPLE_PLACE["lon"], SAMPLE_PLACE["lat"]
    ring = [[x, y], [x + 0.01, y], [x + 0.01, y + 0.01], [x, y + 0.01], [x, y]]  # type: ignore[operator]
    asset = await scenario.create_registered_asset(
        outline={"kind": "polygon", "datum": "wgs84", "coordinates": [ring]}
    )
    address = f"/assets/{asset['id']}/inspections"
    far = (await scenario.clerk.post(address, json={"condition": "good", "fix": build_fix(-500)})).json()
    assert far["verdict"] == "outside"
    within = {"lon": x + 0.005, "lat": y + 0.005, "datum": "wgs84", "accuracy_m": 20}  # type: ignore[operator]
    assert (await scenario.clerk.post(address, json={"condition": "good", "fix": within})).json()[
        "verdict"
    ] == "inside"


async def test_a_fix_in_another_datum_is_converted(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    lon, lat = from_wgs84(SAMPLE_PLACE["lon"], SAMPLE_PLACE["lat"], Datum.GCJ02)  # type: ignore[arg-type]
    fix = {"lon": lon, "lat": lat, "datum": "gcj02", "accuracy_m": 5}
    inspection = (
        await scenario.clerk.post(
            f"/assets/{asset['id']}/inspections", json={"condition": "good", "fix": fix}
        )
    ).json()
    assert inspection["verdict"] == "inside"
    assert inspection["fix"]["datum"] == "gcj02"


async def test_photos_and_past_dates_of_inspections_are_stored(scenario: AssetScenario, clock: Clock) -> None:
    asset = await scenario.create_registered_asset()
    photos = [await scenario.upload_photo(), await scenario.upload_photo()]
    then = (clock.now() - timedelta(days=40)).isoformat()
    body = {"condition": "worn", "findings": "路肩有裂缝", "photos": photos, "inspected_at": then}
    inspected = await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json=body)
    assert (inspected.status_code, inspected.json()["photos"], inspected.json()["verdict"]) == (
        201,
        photos,
        None,
    )
    newer = await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json={"condition": "good"})
    listed = (await scenario.bureau.get(f"/assets/{asset['id']}/inspections")).json()["items"]
    assert [item["id"] for item in listed] == [newer.json()["id"], inspected.json()["id"]]
    asset_read = (await scenario.bureau.get(f"/assets/{asset['id']}")).json()
    assert asset_read["inspected_at"] == newer.json()["inspected_at"]
    future = (clock.now() + timedelta(days=1)).isoformat()
    refused = await scenario.clerk.post(
        f"/assets/{asset['id']}/inspections", json={"condition": "good", "inspected_at": future}
    )
    assert refused.status_code == 422


async def test_a_repeated_inspection_is_idempotent(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    body = {"id": str(new_id()), "condition": "good"}
    address = f"/assets/{asset['id']}/inspections"
    assert (await scenario.clerk.post(address, json=body)).status_code == 201
    assert (await scenario.clerk.post(address, json=body)).json()["id"] == body["id"]
    assert (await scenario.clerk.post(address, json={**body, "condition": "broken"})).status_code == 409
    assert len((await scenario.clerk.get(address)).json()["items"]) == 1
    events = (await scenario.bureau.get("/assets/events", params={"types": "asset.inspected"})).json()[
        "items"
    ]
    assert len(events) == 1
    assert not {"lon", "lat", "fix"} & set(events[0]["after"])


async def test_an_unknown_photo_is_refused(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    body = {"condition": "good", "photos": [str(uuid4())]}
    refused = await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/photos")


async def test_the_thread_of_a_project_includes_inspections(scenario: AssetScenario) -> None:
    project = await scenario.deliver_project_accepted()
    (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    await scenario.clerk.post(f"/assets/{draft['id']}/inspections", json={"condition": "good"})
    thread = (await scenario.bureau.get("/assets/thread", params={"project_id": str(project)})).json()
    assert [item["id"] for item in thread["assets"]] == [draft["id"]]
    assert [item["asset_id"] for item in thread["inspections"]] == [draft["id"]]
    assert thread["coverage"]["drafts"] == 1
    same = (await scenario.bureau.get("/assets/thread", params={"asset_id": draft["id"]})).json()
    assert same["project_id"] == str(project)
    assert (await scenario.bureau.get("/assets/thread")).status_code == 400


def build_inspection(asset: dict[str, Any], clock: Clock, hours: int, **more: Any) -> dict[str, Any]:
    then = (clock.now() - timedelta(hours=hours)).isoformat()
    return {"id": str(new_id()), "asset_id": asset["id"], "condition": "good", "inspected_at": then, **more}


async def post_inspections(client: Any, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    response = await client.post("/assets/inspections", json={"items": items})
    assert response.status_code == 200, response.text
    outcomes: list[dict[str, Any]] = response.json()["items"]
    assert [item["id"] for item in outcomes] == [item["id"] for item in items]
    return outcomes


async def test_inspections_of_a_batch_are_processed_independently(
    scenario: AssetScenario, clock: Clock
) -> None:
    road = await scenario.create_registered_asset()
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
    outcomes = await post_inspections(scenario.clerk, items)
    results = ["applied", *(["refused"] * 5), "duplicate", "applied"]
    assert [item["taken"] for item in outcomes] == results
    assert (outcomes[0]["verdict"], outcomes[1]["errors"][0]["pointer"]) == ("outside", "/condition")
    assert "上传" in outcomes[2]["words"]
    assert len((await scenario.clerk.get(f"/assets/{road['id']}/inspections")).json()["items"]) == 2
    leader = scenario.service.client_as("leader")
    assert (await leader.post("/assets/inspections", json={"items": items})).status_code == 403


async def test_batches_may_arrive_late_twice_and_in_any_order(scenario: AssetScenario, clock: Clock) -> None:
    well = await scenario.create_registered_asset(name="机井", subclass="water")
    late = build_inspection(well, clock, 1, photos=[await scenario.upload_photo()], fix=build_fix(0))
    early = build_inspection(well, clock, 9, condition="broken", findings="坏")
    assert [item["taken"] for item in await post_inspections(scenario.clerk, [late, early])] == [
        "applied",
        "applied",
    ]
    assert [item["taken"] for item in await post_inspections(scenario.clerk, [early, late])] == [
        "duplicate",
        "duplicate",
    ]
    asset = (await scenario.bureau.get(f"/assets/{well['id']}")).json()
    assert asset["inspected_at"][:19] == (clock.now() - timedelta(hours=1)).isoformat()[:19]
    assert len((await scenario.clerk.get(f"/assets/{well['id']}/repairs")).json()) == 1
    single = {name: value for name, value in late.items() if name != "asset_id"}
    same = await scenario.clerk.post(f"/assets/{well['id']}/inspections", json=single)
    assert (same.status_code, same.json()["id"]) == (201, late["id"])


async def test_long_findings_are_shortened_for_the_repair_ticket(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    for findings in ("坏" * 2000, " 坏 "):
        body = {"condition": "unusable", "findings": findings}
        assert (await scenario.clerk.post(f"/assets/{asset['id']}/inspections", json=body)).status_code == 201
    texts = [item["text"] for item in (await scenario.clerk.get(f"/assets/{asset['id']}/repairs")).json()]
    assert texts == ["坏" * 1000, "坏"]


async def test_use_changes_need_reason_evidence_person_and_deadline(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    bare = await scenario.transition_asset(scenario.clerk, asset["id"], "mark_idle")
    codes = {item["code"] for item in bare.json()["errors"]}
    assert (bare.status_code, codes) == (409, {"no_reason", "no_evidence", "not_assigned"})
    photo = await scenario.upload_photo()
    deadline = str(scenario.today() + timedelta(days=30))
    full = {"reason": "无人使用", "evidence": [photo], "person": "王主任", "deadline": deadline}
    late = await scenario.transition_asset(
        scenario.clerk, asset["id"], "mark_idle", **{**full, "deadline": "2024-01-01"}
    )
    assert late.json()["errors"][0]["code"] == "deadline_past"
    idle = await scenario.transition_asset_ok(scenario.clerk, asset["id"], "mark_idle", **full)
    assert (idle["use"], idle["use_person"], idle["use_deadline"], idle["state"]) == (
        "idle",
        "王主任",
        deadline,
        "registered",
    )
    back = await scenario.transition_asset_ok(
        scenario.clerk, asset["id"], "bring_back", reason="已出租", evidence=[photo]
    )
    assert (back["use"], back["use_deadline"]) == ("in_use", None)
    assert [(item["was"], item["now"]) for item in back["use_changes"]] == [
        ("in_use", "idle"),
        ("idle", "in_use"),
    ]
    disposed = await scenario.transition_asset(scenario.bureau, asset["id"], "dispose", reason="报废")
    assert disposed.json()["errors"][0]["code"] == "no_disposal"


async def test_the_use_of_a_draft_cannot_change(scenario: AssetScenario) -> None:
    asset = await scenario.create_asset()
    refused = await scenario.transition_asset(scenario.clerk, asset["id"], "mark_idle", reason="无人使用")
    assert "not_registered" in {item["code"] for item in refused.json()["errors"]}
