"""Step six: a cadre checks in inside and outside the fence of a village post."""

from datetime import timedelta
from typing import Any

from operations.demo.fixtures import YEJINMU
from operations.demo.runner import DemoRun, DemoStep, get_current_time
from operations.demo.users import derive_id

POST_LOCATION = {"lon": 101.5987, "lat": 35.2581, "datum": "wgs84"}
OUTSIDE_LOCATION = {"lon": 101.6512, "lat": 35.2581, "datum": "wgs84"}


async def create_post(demo: DemoRun) -> str:
    """Create a post with a circular fence and assign the cadre to it."""
    post_id = derive_id("post")
    post = {
        "id": post_id,
        "name": "叶金木村村委会",
        "region": YEJINMU,
        "fences": [{"kind": "circle", "radius_m": 200, **POST_LOCATION}],
    }
    await demo.as_user("town").post("/attendance/posts", post)
    assignment = {
        "id": derive_id("assignment"),
        "person": "zeku.cadre",
        "person_name": "驻村干部",
        "starts_on": "2023-01-01",
    }
    await demo.as_user("town").post(f"/attendance/posts/{post_id}/assignments", assignment)
    return "镇里设驻村点叶金木村村委会, 围栏半径 200 米"


async def record_check_ins(demo: DemoRun) -> str:
    """Check in inside and then outside the fence; the answer contains the verdict."""
    results: list[str] = []
    for name, kind, location, minutes_ago in (
        ("in", "OnDuty", POST_LOCATION, 2),
        ("out", "OffDuty", OUTSIDE_LOCATION, 1),
    ):
        taken_at = get_current_time() - timedelta(minutes=minutes_ago)
        check_in = {
            "id": derive_id(f"tap {name} {taken_at.date()}"),
            "kind": kind,
            "taken_at": taken_at.isoformat(),
            "fix": {**location, "accuracy_m": 15, "provider": "gps", "taken_at": taken_at.isoformat()},
            "device": "phone-1",
        }
        existing: dict[str, Any] = await demo.as_user("cadre").get(
            "/attendance/check-ins", person="zeku.cadre", **{"from": str(taken_at.date())}
        )
        if any(row["id"] == check_in["id"] for row in existing["items"]):
            results.append("今天已打卡")
            continue
        answer = await demo.as_user("cadre").post("/attendance/check-ins", check_in, key=str(check_in["id"]))
        results.append(answer["items"][0]["words"])
    return "驻村干部打卡: " + "; ".join(results)


STEPS = (DemoStep("设驻村点", create_post), DemoStep("打卡", record_check_ins))
