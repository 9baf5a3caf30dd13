"""Each check-in is judged by the fences, switches, limits and files of its own time; a bad one holds up no other."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx

from services.attendance.days import service as days_service
from services.attendance.days.consumers import project_next_batch
from services.attendance.policy import AnomalyThresholds
from services.attendance.reviews.calculation import CheckInEvidence, find_anomalies
from tests.attendance.factories_attendance import (
    HALL_POSITION,
    build_check_in,
    get_json,
    post_json,
    set_rule,
    submit_check_in,
)
from tests.clients import DISTRICT, ServiceUnderTest, set_rule_version
from tests.conftest import Clock

CHECK_INS_PATH = "/attendance/check-ins"
NEW_HALL = (102.80, 37.50)


def build_circle(lon: float, lat: float) -> dict[str, Any]:
    return {"kind": "circle", "lon": lon, "lat": lat, "datum": "wgs84", "radius_m": 200}


async def move_fence(town: httpx.AsyncClient, post: Any, **body: Any) -> Any:
    address = f"/attendance/posts/{post['id']}"
    tag = (await town.get(address)).headers["ETag"]
    answer = await town.patch(
        address, json={"fences": [build_circle(*NEW_HALL)], **body}, headers={"If-Match": tag}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_missing_photo_refuses_its_own_item_only(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    good, bad = build_check_in(clock), build_check_in(clock, photo=str(uuid4()))
    results = (await post_json(cadre, CHECK_INS_PATH, {"items": [good, bad]}))["items"]
    assert [result["result"] for result in results] == ["applied", "refused"]
    assert results[1]["errors"][0]["code"] == "no_such_file"
    assert bad["photo"] in results[1]["words"]
    (again,) = (await post_json(cadre, CHECK_INS_PATH, {"items": [good]}))["items"]
    assert again["result"] == "duplicate", "the good one was stored"


async def test_a_late_check_in_is_judged_by_the_fences_of_its_time(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    yesterday = build_check_in(clock, at=clock.now() - timedelta(hours=20))
    await move_fence(town, post)
    clock.advance(timedelta(minutes=10))
    assert (await submit_check_in(cadre, yesterday))["verdict"] == "inside"
    assert (await submit_check_in(cadre, build_check_in(clock)))["verdict"] == "outside"
    assert (await submit_check_in(cadre, build_check_in(clock, hall=NEW_HALL)))["verdict"] == "inside"


async def test_a_switch_counts_from_its_day_on(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    bureau = attendance.client_as("bureau", DISTRICT)
    (current, *_) = await get_json(bureau, "/attendance/rules/check_in.switches")
    body = {name: current[name] for name in ("key", "title", "confirmed")}
    body |= {"region": DISTRICT, "effective_from": "2024-05-20"}
    await set_rule_version(attendance, body | {"value": {**current["value"], "own_check_in": False}})
    before = build_check_in(clock, at=clock.now() - timedelta(days=2))
    results = (await post_json(cadre, CHECK_INS_PATH, {"items": [before, build_check_in(clock)]}))["items"]
    assert [result["result"] for result in results] == ["applied", "refused"]
    assert results[1]["errors"][0]["code"] == "check_in_off"
    assert results[0]["work_date"] == "2024-05-18"
    await post_json(cadre, CHECK_INS_PATH, {"items": [build_check_in(clock)]}, 403)


async def test_limits_of_an_import_are_those_of_the_records_day(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    bureau = attendance.client_as("bureau", DISTRICT)
    (current, *_) = await get_json(bureau, "/attendance/rules/check_in.limits")
    body = {name: current[name] for name in ("key", "title", "confirmed")}
    body |= {"region": DISTRICT, "effective_from": "2024-05-20"}
    await set_rule_version(attendance, body | {"value": {**current["value"], "day_starts_hour": 6}})
    account = {"channel": "dingtalk", "external": "dd1", "person": "li", "region": DISTRICT}
    town = attendance.client_as("town_officer")
    await post_json(attendance.client_as("admin"), "/attendance/external-accounts", account)
    half_past_five = clock.now().replace(day=17, hour=21, minute=30)  # 05:30 on the 18th in Beijing
    record = {
        "id": 1, "recordId": 1, "userId": "dd1", "checkType": "OnDuty", "timeResult": "Normal",
        "locationResult": "Outside", "sourceType": "USER", "userCheckTime": int(half_past_five.timestamp() * 1000),
    }  # fmt: skip
    file = {"channel": "dingtalk", "region": DISTRICT, "records": [record]}
    assert (await post_json(bureau, "/attendance/imports", file))["fresh"] == 1
    (stored,) = (await get_json(town, CHECK_INS_PATH, person="li"))["items"]
    assert stored["work_date"] == "2024-05-18", "days began at four then"


async def test_outside_without_coordinates_says_nothing_of_metres(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    account = {"channel": "dingtalk", "external": "dd1", "person": "li", "region": DISTRICT}
    await post_json(attendance.client_as("admin"), "/attendance/external-accounts", account)
    record = {
        "id": 1, "recordId": 1, "userId": "dd1", "checkType": "OnDuty", "timeResult": "Normal",
        "locationResult": "Outside", "sourceType": "USER", "userCheckTime": int(clock.now().timestamp() * 1000),
    }  # fmt: skip
    file = {"channel": "dingtalk", "region": DISTRICT, "records": [record]}
    await post_json(attendance.client_as("bureau", DISTRICT), "/attendance/imports", file)
    (stored,) = (await get_json(cadre, CHECK_INS_PATH))["items"]
    while await project_next_batch(attendance.context):
        pass
    today = stored["work_date"]
    (day,) = (await get_json(cadre, f"/attendance/days?from={today}&to={today}"))["items"]

    assert stored["distance_m"] is None
    assert "围栏外" in day["words"]
    assert "米" not in day["words"], "a distance that nobody measured is not told"


async def test_check_ins_of_one_person_and_day_are_bounded_and_repeats_are_no_excess(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await set_rule(attendance, "check_in.limits", most_a_day=10)
    items = [build_check_in(clock, at=clock.now() - timedelta(seconds=60 + index)) for index in range(14)]
    results = (await post_json(cadre, CHECK_INS_PATH, {"items": items}))["items"]
    assert [result["result"] for result in results] == ["applied"] * 10 + ["refused"] * 4
    assert "一天最多记录 10 次" in results[-1]["words"]
    again = (await post_json(cadre, CHECK_INS_PATH, {"items": items[:10]}))["items"]
    assert {result["result"] for result in again} == {"duplicate"}
    assert (await submit_check_in(cadre, build_check_in(clock)))["result"] == "refused"
    yesterday = build_check_in(clock, at=clock.now() - timedelta(days=1))
    assert (await submit_check_in(cadre, yesterday))["result"] == "applied"
    assert len((await get_json(town, CHECK_INS_PATH, person="li"))["items"]) == 11


async def test_one_reads_ones_own_place_and_others_do_not(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    check_in = build_check_in(clock)
    await submit_check_in(cadre, check_in)
    address = f"{CHECK_INS_PATH}/{check_in['id']}"
    place = (await get_json(cadre, address))["place"]
    assert (place["lon"], place["lat"], place["coarse"]) == (*HALL_POSITION, False)
    assert place["fix"]["accuracy_m"] == 20
    assert (await get_json(town, address))["place"]["lon"] == HALL_POSITION[0], (
        "who reviews sees where it was"
    )
    assert (await get_json(attendance.client_as("auditor"), address))["place"] is None


async def test_an_invalid_accuracy_of_a_phone_is_an_unknown_one(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    check_in = build_check_in(clock)
    check_in["fix"]["accuracy_m"] = -1
    assert (await submit_check_in(cadre, check_in))["verdict"] == "inside"


async def test_writers_do_not_wait_while_days_are_compared_and_what_they_write_counts(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock, monkeypatch: Any
) -> None:
    prepare = days_service._prepare_chunk
    answers: list[Any] = []

    async def prepare_while_someone_checks_in(work: Any, pairs: Any) -> Any:
        prepared = await prepare(work, pairs)
        if not answers and ("li", date(2024, 5, 20)) in pairs:
            answers.append(await submit_check_in(cadre, build_check_in(clock)))
        return prepared

    monkeypatch.setattr(days_service, "_prepare_chunk", prepare_while_someone_checks_in)
    while await project_next_batch(attendance.context):
        pass
    assert [answer["result"] for answer in answers] == ["applied"], "within the evaluation of this day"
    (day,) = (await get_json(cadre, "/attendance/days?from=2024-05-20&to=2024-05-20"))["items"]
    assert day["result"] == "present", "nothing older was stored over it"


def test_comparing_check_ins_grows_with_their_number_not_with_its_square(clock: Clock) -> None:
    rules = dict.fromkeys(("same_place_days", "still_days", "precise_days", "same_second_days"), 4)
    limits = AnomalyThresholds(
        **rules, speed_kmh=160, speed_least_km=3, precise_m=3, device_hours=24, look_back_days=14
    )

    def count_comparisons(number: int) -> int:
        compared = []

        class Longitude(float):
            def __sub__(self, other: float) -> float:
                compared.append(1)
                return float(self) - other

        evidence = [
            CheckInEvidence(
                uuid4(), date(2024, 5, 20), clock.now() + timedelta(seconds=index),
                (Longitude(102 + index / 1000), 37.6), 20.0, "phone", mock=False, clock_off=False,
            )
            for index in range(number)
        ]  # fmt: skip
        find_anomalies(date(2024, 5, 20), evidence, {}, limits)
        return len(compared)

    assert count_comparisons(400) <= 4 * max(count_comparisons(100), 100)
