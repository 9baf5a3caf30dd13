"""Check-ins through the API: evidence, verdict, flags, visibility."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.china import Datum, from_wgs84
from shared.clients.attendance import CheckInRecorded
from shared.events import serialize_event
from tests.attendance.factories_attendance import HALL_POSITION, build_check_in, submit_check_in
from tests.clients import TOWN, ServiceUnderTest, SystemUnderTest, set_rule_version
from tests.conftest import Clock


@pytest.mark.parametrize(
    ("north_m", "verdict", "result"),
    [
        (0, "inside", "applied"),
        (179, "inside", "applied"),
        (181, "unsure", "held"),
        (219, "unsure", "held"),
        (221, "outside", "applied"),
        (900, "outside", "applied"),
    ],
)
async def test_the_verdict_comes_with_the_answer(
    cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock, north_m: float, verdict: str, result: str
) -> None:
    answer = await submit_check_in(cadre, build_check_in(clock, north_m=north_m))
    assert (answer["verdict"], answer["result"]) == (verdict, result)
    assert answer["post_name"] == post["name"]
    assert answer["distance_m"] == pytest.approx(max(0, north_m - 200), abs=1)
    assert answer["margin_m"] == pytest.approx(abs(north_m - 200) - 20, abs=1)
    assert post["name"] in answer["words"]


async def test_the_event_of_a_check_in_has_the_form_of_its_model(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    events = await attendance.client_as("bureau").get("/attendance/events")
    (told,) = [one["after"] for one in events.json()["items"] if one["type"] == CheckInRecorded.topic]
    assert told == serialize_event(CheckInRecorded.model_validate(told))
    assert (told["post_id"], told["verdict"], told["person"]) == (post["id"], "inside", "li")


async def test_a_position_is_converted_from_its_own_datum(
    cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    lon, lat = from_wgs84(*HALL_POSITION, Datum.GCJ02)
    check_in = build_check_in(clock)
    fix = {**check_in["fix"], "lon": lon, "lat": lat, "datum": "gcj02"}
    assert (await submit_check_in(cadre, {**check_in, "fix": fix}))["verdict"] == "inside"
    wrong = {**fix, "datum": "bd09"}
    assert (await submit_check_in(cadre, {**build_check_in(clock), "fix": wrong}))["verdict"] == "outside"


async def test_the_same_check_in_twice_is_one_record(
    cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    check_in = build_check_in(clock)
    assert (await submit_check_in(cadre, check_in))["result"] == "applied"
    assert (await submit_check_in(cadre, check_in))["result"] == "duplicate"
    assert (await submit_check_in(cadre, {**check_in, "remark": "另一条"}))["result"] == "refused"
    assert len((await cadre.get("/attendance/check-ins")).json()["items"]) == 1


async def test_a_bad_item_does_not_hold_up_the_batch(
    cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    good, nowhere = build_check_in(clock), build_check_in(clock)
    nowhere["fix"] = {**nowhere["fix"], "lon": 0.0, "lat": 0.0}
    old = build_check_in(clock, taken_at=(clock.now() - timedelta(days=181)).isoformat())
    items = [good, nowhere, {"id": "x"}, good, old]
    results = (await cadre.post("/attendance/check-ins", json={"items": items})).json()["items"]
    assert [result["result"] for result in results] == ["applied", "refused", "refused", "applied", "refused"]
    assert results[1]["errors"][0]["pointer"].startswith("/fix")
    assert "补卡" in results[4]["words"]
    assert len((await cadre.get("/attendance/check-ins")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"mock": True}, "mock"),
        ({"fix": None}, "no_fix"),
    ],
)
async def test_suspicious_evidence_is_held_for_review(
    cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock, changes: dict[str, Any], flag: str
) -> None:
    answer = await submit_check_in(cadre, build_check_in(clock, **changes))
    assert answer["result"] == "held"
    assert flag in answer["flags"]


async def test_a_clock_ahead_and_a_late_check_in_are_flagged(
    cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    ahead = build_check_in(clock, taken_at=(clock.now() + timedelta(minutes=6)).isoformat())
    late = build_check_in(clock, taken_at=(clock.now() - timedelta(hours=80)).isoformat())
    assert "clock" in (await submit_check_in(cadre, ahead))["flags"]
    assert "late" in (await submit_check_in(cadre, late))["flags"]


async def test_a_check_in_without_a_post_is_stored_and_held(cadre: httpx.AsyncClient, clock: Clock) -> None:
    answer = await submit_check_in(cadre, build_check_in(clock))
    assert (answer["result"], answer["flags"]) == ("held", ["no_post"])


async def test_check_ins_are_visible_to_their_person_and_town_only(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    check_in = build_check_in(clock)
    await submit_check_in(cadre, check_in)
    other = attendance.client_as("cadre", person="wang")
    assert (await other.get("/attendance/check-ins")).json()["items"] == []
    assert (await other.get(f"/attendance/check-ins/{check_in['id']}")).status_code == 404
    town = attendance.client_as("town_officer", TOWN)
    assert [check_in["id"] for check_in in (await town.get("/attendance/check-ins")).json()["items"]] == [
        check_in["id"]
    ]
    elsewhere = attendance.client_as("town_officer", "620602101000")
    assert (await elsewhere.get("/attendance/check-ins")).json()["items"] == []
    assert (await town.post("/attendance/check-ins", json=build_check_in(clock))).status_code == 403


async def test_a_district_may_switch_check_in_off(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    bureau = attendance.client_as("bureau")
    (current, *_) = (await bureau.get("/attendance/rules/check_in.switches")).json()
    rule = {
        **{name: current[name] for name in ("key", "title", "confirmed")},
        "region": "620602000000",
        "effective_from": "2024-01-01",
        "value": {**current["value"], "own_check_in": False},
    }
    await set_rule_version(attendance, rule)
    refused = await cadre.post("/attendance/check-ins", json=build_check_in(clock))
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")


async def test_the_event_contains_no_position(
    doors: SystemUnderTest, cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    events = (await doors.service("attendance").client_as("bureau").get("/attendance/events")).json()["items"]
    recorded = [event for event in events if event["type"] == "check_in.recorded"]
    assert len(recorded) == 1
    assert not {"lon", "lat", "fix"} & set(recorded[0]["after"])


async def test_a_closed_post_has_no_fence(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: dict[str, Any], clock: Clock
) -> None:
    town = attendance.client_as("town_officer")
    address = f"/attendance/posts/{post['id']}"
    assert (await town.patch(address, json={"closed_on": "2024-05-19"})).status_code == 428
    tag = (await town.get(address)).headers["ETag"]
    closed = await town.patch(address, json={"closed_on": "2024-05-19"}, headers={"If-Match": tag})
    assert closed.status_code == 200, closed.text
    assert (await submit_check_in(cadre, build_check_in(clock)))["flags"] == ["no_post"]
    unknown = await town.get(f"/attendance/posts/{uuid4()}")
    assert unknown.status_code == 404


async def test_a_wrong_field_is_pointed_at_where_it_is_sent(doors: SystemUnderTest) -> None:
    check_in = {"id": "no id", "kind": "OnDuty", "taken_at": "2024-05-20T00:59:00+00:00"}

    refused = (
        await doors.service("attendance").client_as("cadre").post("/attendance/check-ins", json=check_in)
    )

    assert refused.status_code == 422
    assert "/id" in {error["pointer"] for error in refused.json()["errors"]}
