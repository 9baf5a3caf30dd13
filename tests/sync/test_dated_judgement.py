"""What was recorded out of signal is judged by the rules, fences, switches and clock of when it was recorded."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.attendance.factories_attendance import build_check_in, get_json, submit_check_in
from tests.clients import ServiceUnderTest, set_rule_version
from tests.conftest import Clock
from tests.sync.factories_sync import build_check_in_item, build_deed, list_verdicts, send_batch

FAR_FENCE = {"kind": "circle", "lon": 102.80, "lat": 37.50, "datum": "wgs84", "radius_m": 200}


async def test_a_tap_before_the_post_moved_is_judged_by_the_fence_of_then(
    attendance: ServiceUnderTest, phone: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    yesterday = clock.now() - timedelta(hours=20)
    town = attendance.client_as("town_officer")
    address = f"/attendance/posts/{post['id']}"
    etag = (await town.get(address)).headers["etag"]
    moved = await town.patch(address, json={"fences": [FAR_FENCE]}, headers={"If-Match": etag})
    assert moved.status_code == 200, moved.text
    clock.advance(timedelta(minutes=5))
    late, now = build_check_in_item(clock, at=yesterday), build_check_in_item(clock)
    answer = await send_batch(phone, clock, late, now)

    assert [one["body"]["verdict"] for one in answer["results"]] == ["inside", "outside"]


async def test_a_tap_before_check_ins_were_switched_off_is_taken(
    attendance: ServiceUnderTest, phone: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    bureau = attendance.client_as("bureau")
    current = (await get_json(bureau, "/attendance/rules/check_in.switches"))[0]
    body = {name: current[name] for name in ("key", "title", "confirmed")}
    change = {"region": "620602000000", "effective_from": clock.now().date().isoformat()}
    value = {**current["value"], "own_check_in": False}
    await set_rule_version(attendance, {**body, **change, "value": value})
    before = build_check_in_item(clock, at=clock.now() - timedelta(days=2))
    answer = await send_batch(phone, clock, before, build_check_in_item(clock))

    assert list_verdicts(answer) == ["applied", "refused"]
    assert answer["results"][1]["problem"]["errors"][0]["code"] == "check_in_off"


async def test_a_missing_photo_holds_its_own_check_in_only(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    without = build_check_in_item(clock, photo=str(uuid4()))
    answer = await send_batch(phone, clock, build_check_in_item(clock), without)

    assert list_verdicts(answer) == ["applied", "held"]
    assert answer["results"][1]["reason"] == "file"
    assert len((await get_json(cadre, "/attendance/check-ins"))["items"]) == 1


async def test_a_wrong_clock_is_corrected_and_both_times_are_shown(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    """The phone is three days ahead: it says so by the time at which it sends."""
    ahead = timedelta(days=3)
    tapped_at = clock.now() - timedelta(minutes=30)
    item = build_check_in_item(clock, at=tapped_at + ahead)
    deed = build_deed(clock)
    deed["recorded_at"] = (tapped_at + ahead).isoformat()
    answer = await send_batch(phone, clock, item, deed, sent_at=clock.now() + ahead)

    assert list_verdicts(answer) == ["applied", "applied"]
    assert answer["results"][1]["judged_at"][:19] == tapped_at.isoformat()[:19]
    (row,) = (await get_json(cadre, "/attendance/check-ins"))["items"]
    assert (row["taken_at"][:19], row["phone_taken_at"][:19]) == (
        tapped_at.isoformat()[:19],
        (tapped_at + ahead).isoformat()[:19],
    )
    assert (row["result"], row["flags"]) == ("held", ["clock"])


async def test_a_check_in_sent_directly_is_corrected_in_the_same_way(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    slow = timedelta(hours=3)
    body = build_check_in(clock, at=clock.now() - slow)
    result = await submit_check_in(cadre, {**body, "sent_at": (clock.now() - slow).isoformat()})
    again = await submit_check_in(cadre, {**body, "sent_at": (clock.now() - slow).isoformat()})

    assert (result["verdict"], again["result"]) == ("inside", "duplicate")
    (row,) = (await get_json(cadre, "/attendance/check-ins"))["items"]
    assert row["taken_at"][:16] == clock.now().isoformat()[:16]


async def test_the_log_says_when_an_item_was_recorded(
    attendance: ServiceUnderTest, phone: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    item = build_deed(clock, ago=timedelta(hours=30))
    deed = (await send_batch(phone, clock, item))["results"][0]["body"]
    (event,) = (await get_json(attendance.client_as("bureau"), "/attendance/events", subject=deed["id"]))[
        "items"
    ]

    assert event["recorded_at"][:19] == item["recorded_at"][:19]
    assert event["ingested_at"][:19] == clock.now().isoformat()[:19]
