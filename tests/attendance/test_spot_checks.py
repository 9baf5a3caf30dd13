"""A spot check can be drawn again by anybody, and only a person says absent."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.attendance.days.follow import follow
from services.attendance.spot_checks.service import digest, draw
from tests.attendance.world import HALL, METRE_NORTH, a_post, read, sent, set_rule
from tests.conftest import Clock
from tests.doors import TOWN, Door

PERSONS = ("li", "wang", "zhao", "chen", "ma")


def answer(clock: Clock, north_m: float = 0) -> dict[str, Any]:
    return {
        "fix": {
            "lon": HALL[0],
            "lat": HALL[1] + north_m * METRE_NORTH,
            "datum": "wgs84",
            "accuracy_m": 15,
            "taken_at": clock.now().isoformat(),
        }
    }


async def drawn_one(attendance: Door, town: httpx.AsyncClient) -> tuple[Any, Any]:
    check = await sent(town, "/attendance/spot-checks", {"region": TOWN, "size": 1})
    (one,) = (await read(town, "/attendance/spot-checks/drawn", spot_check_id=check["id"]))["items"]
    return check, one


async def test_the_draw_is_repeated_from_its_seed(attendance: Door, town: httpx.AsyncClient) -> None:
    await a_post(town, *PERSONS)
    check = await sent(town, "/attendance/spot-checks", {"region": TOWN, "size": 2})
    assert (check["pool"], check["pool_digest"]) == (5, digest(PERSONS))
    rows = (await read(town, "/attendance/spot-checks/drawn", spot_check_id=check["id"]))["items"]
    assert {one["person"] for one in rows} == set(draw(PERSONS, 2, check["seed"]))
    assert draw(PERSONS, 5, "a") != draw(PERSONS, 5, "b")


async def test_who_is_away_with_leave_is_not_drawn(
    attendance: Door, town: httpx.AsyncClient, clock: Clock
) -> None:
    await a_post(town, "li", "wang")
    cadre = attendance.as_("cadre", person="li")
    today = {"starts_on": "2024-05-20", "ends_on": "2024-05-20", "why": "家中有事"}
    leave = await sent(cadre, "/attendance/leaves", {"kind": "personal", **today})
    await sent(town, f"/attendance/leaves/{leave['id']}/approve", {}, 200)
    assert (await sent(town, "/attendance/spot-checks", {"region": TOWN, "size": 5}))["drawn"] == 1
    wang = attendance.as_("cadre", person="wang")
    await sent(wang, "/attendance/errands", {"kind": "meeting", "place": "镇上", **today})
    await sent(town, "/attendance/spot-checks", {"region": TOWN, "size": 5}, 409)


@pytest.mark.parametrize(
    ("north_m", "minutes", "outcome"),
    [(0, 59, "present"), (0, 61, "late"), (900, 5, "elsewhere"), (205, 5, "elsewhere")],
)
async def test_an_answer_by_place(
    attendance: Door,
    town: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    north_m: float,
    minutes: int,
    outcome: str,
) -> None:
    _, one = await drawn_one(attendance, town)
    clock.advance(timedelta(minutes=minutes))
    address = f"/attendance/spot-checks/drawn/{one['id']}/answer"
    await sent(attendance.as_("cadre", person="wang"), address, answer(clock), 404)
    found = await sent(cadre, address, answer(clock, north_m), 200)
    assert found["outcome"] == outcome
    await sent(cadre, address, answer(clock), 409)


async def test_only_a_person_says_absent_and_not_before_the_time_is_over(
    attendance: Door, town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    _, one = await drawn_one(attendance, town)
    address = f"/attendance/spot-checks/drawn/{one['id']}/decide"
    absent = {"outcome": "absent", "how": "call_back", "remark": "两次回拨无人接听"}
    await sent(town, address, absent, 409)
    clock.advance(timedelta(minutes=61))
    await sent(cadre, address, absent, 403)
    assert (await sent(town, address, absent, 200))["outcome"] == "absent"
    assert "另一人复议" in (await sent(town, address, absent, 403))["detail"]
    assert await result_of_the_day(attendance, cadre) == "absent"
    again = {"outcome": "present", "how": "on_site", "remark": "座机线路故障, 村文书证明在村"}
    auditor = attendance.as_("auditor")
    assert (await sent(auditor, address, again, 200))["outcome"] == "present"
    await sent(auditor, address, again, 409)
    assert await result_of_the_day(attendance, cadre) == "present"


async def result_of_the_day(attendance: Door, cadre: httpx.AsyncClient) -> str:
    while await follow(attendance.context):
        pass
    (day,) = (await read(cadre, "/attendance/days?from=2024-05-20&to=2024-05-20"))["items"]
    return str(day["result"])


async def test_a_district_may_switch_spot_checks_off(
    attendance: Door, town: httpx.AsyncClient, post: Any
) -> None:
    await set_rule(attendance, "check_in.switches", spot_checks=False)
    await sent(town, "/attendance/spot-checks", {"region": TOWN, "size": 1}, 403)
