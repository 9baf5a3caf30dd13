"""Spot checks: the draw is reproducible, and only a person decides on absence."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.attendance.days.consumers import project_next_batch
from services.attendance.spot_checks.service import compute_pool_digest, draw_persons
from tests.attendance.factories_attendance import (
    DEGREES_PER_METRE_NORTH,
    HALL_POSITION,
    create_post,
    get_json,
    post_json,
    set_rule,
)
from tests.clients import TOWN, ServiceUnderTest
from tests.conftest import Clock

PERSON_IDS = ("li", "wang", "zhao", "chen", "ma")


def build_answer(clock: Clock, north_m: float = 0) -> dict[str, Any]:
    return {
        "fix": {
            "lon": HALL_POSITION[0],
            "lat": HALL_POSITION[1] + north_m * DEGREES_PER_METRE_NORTH,
            "datum": "wgs84",
            "accuracy_m": 15,
            "taken_at": clock.now().isoformat(),
        }
    }


async def draw_one(attendance: ServiceUnderTest, town: httpx.AsyncClient) -> tuple[Any, Any]:
    spot_check = await post_json(town, "/attendance/spot-checks", {"region": TOWN, "size": 1})
    (drawn,) = (await get_json(town, "/attendance/spot-checks/drawn", spot_check_id=spot_check["id"]))[
        "items"
    ]
    return spot_check, drawn


async def test_the_draw_is_repeated_from_its_seed(
    attendance: ServiceUnderTest, town: httpx.AsyncClient
) -> None:
    await create_post(town, *PERSON_IDS)
    spot_check = await post_json(town, "/attendance/spot-checks", {"region": TOWN, "size": 2})
    assert (spot_check["pool"], spot_check["pool_digest"]) == (5, compute_pool_digest(PERSON_IDS))
    rows = (await get_json(town, "/attendance/spot-checks/drawn", spot_check_id=spot_check["id"]))["items"]
    assert {row["person"] for row in rows} == set(draw_persons(PERSON_IDS, 2, spot_check["seed"]))
    assert draw_persons(PERSON_IDS, 5, "a") != draw_persons(PERSON_IDS, 5, "b")


async def test_persons_on_leave_or_errand_are_not_drawn(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", "wang")
    cadre = attendance.client_as("cadre", person="li")
    today = {"starts_on": "2024-05-20", "ends_on": "2024-05-20", "why": "家中有事"}
    leave = await post_json(cadre, "/attendance/leaves", {"kind": "personal", **today})
    await post_json(town, f"/attendance/leaves/{leave['id']}/approve", {}, 200)
    assert (await post_json(town, "/attendance/spot-checks", {"region": TOWN, "size": 5}))["drawn"] == 1
    wang = attendance.client_as("cadre", person="wang")
    await post_json(wang, "/attendance/errands", {"kind": "meeting", "place": "镇上", **today})
    await post_json(town, "/attendance/spot-checks", {"region": TOWN, "size": 5}, 409)


@pytest.mark.parametrize(
    ("north_m", "minutes", "outcome"),
    [(0, 59, "present"), (0, 61, "late"), (900, 5, "elsewhere"), (205, 5, "elsewhere")],
)
async def test_the_outcome_follows_from_position_and_time(
    attendance: ServiceUnderTest,
    town: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    post: Any,
    clock: Clock,
    north_m: float,
    minutes: int,
    outcome: str,
) -> None:
    _, drawn = await draw_one(attendance, town)
    clock.advance(timedelta(minutes=minutes))
    address = f"/attendance/spot-checks/drawn/{drawn['id']}/answer"
    await post_json(attendance.client_as("cadre", person="wang"), address, build_answer(clock), 404)
    answered = await post_json(cadre, address, build_answer(clock, north_m), 200)
    assert answered["outcome"] == outcome
    await post_json(cadre, address, build_answer(clock), 409)


async def test_only_a_person_decides_on_absence_after_the_time_limit(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    _, drawn = await draw_one(attendance, town)
    address = f"/attendance/spot-checks/drawn/{drawn['id']}/decide"
    absent = {"outcome": "absent", "how": "call_back", "remark": "两次回拨无人接听"}
    await post_json(town, address, absent, 409)
    clock.advance(timedelta(minutes=61))
    await post_json(cadre, address, absent, 403)
    assert "抽查人不能自己认定" in (await post_json(town, address, absent, 403))["detail"]
    second = attendance.client_as("town_officer", person="second")
    assert (await post_json(second, address, absent, 200))["outcome"] == "absent"
    assert "另一人复议" in (await post_json(second, address, absent, 403))["detail"]
    assert await get_day_result(attendance, cadre) == "absent"
    again = {"outcome": "present", "how": "on_site", "remark": "座机线路故障, 村文书证明在村"}
    bureau = attendance.client_as("bureau")
    await post_json(attendance.client_as("auditor"), address, again, 403)
    assert (await post_json(bureau, address, again, 200))["outcome"] == "present"
    await post_json(bureau, address, again, 409)
    assert await get_day_result(attendance, cadre) == "present"


async def get_day_result(attendance: ServiceUnderTest, cadre: httpx.AsyncClient) -> str:
    while await project_next_batch(attendance.context):
        pass
    (day,) = (await get_json(cadre, "/attendance/days?from=2024-05-20&to=2024-05-20"))["items"]
    return str(day["result"])


async def test_a_district_may_switch_spot_checks_off(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, post: Any
) -> None:
    await set_rule(attendance, "check_in.switches", spot_checks=False)
    await post_json(town, "/attendance/spot-checks", {"region": TOWN, "size": 1}, 403)
