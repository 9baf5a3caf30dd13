"""Step six: a cadre checks in inside and outside the fence of a post."""

from datetime import timedelta
from typing import Any

from operations.demo.fixtures import YEJINMU
from operations.demo.runner import DemoRun, Step, get_current_time
from operations.demo.users import derive_id

POST_LOCATION = {"lon": 101.5987, "lat": 35.2581, "datum": "wgs84"}
OUTSIDE_LOCATION = {"lon": 101.6512, "lat": 35.2581, "datum": "wgs84"}


async def create_post(story: DemoRun) -> str:
    """A post with a round fence, and who is stationed there."""
    post_id = derive_id("post")
    post = {
        "id": post_id,
        "name": "叶金木村村委会",
        "region": YEJINMU,
        "fences": [{"kind": "circle", "radius_m": 200, **POST_LOCATION}],
    }
    await story.as_user("town").post("/attendance/posts", post)
    assignment = {
        "id": derive_id("assignment"),
        "person": "zeku.cadre",
        "person_name": "驻村干部",
        "starts_on": "2023-01-01",
    }
    await story.as_user("town").post(f"/attendance/posts/{post_id}/assignments", assignment)
    return "镇里设驻村点叶金木村村委会, 围栏半径 200 米"


async def record_check_ins(story: DemoRun) -> str:
    """Inside, then outside: the verdict comes with the answer."""
    told: list[str] = []
    for name, kind, place, ago in (
        ("in", "OnDuty", POST_LOCATION, 2),
        ("out", "OffDuty", OUTSIDE_LOCATION, 1),
    ):
        taken = get_current_time() - timedelta(minutes=ago)
        tap = {
            "id": derive_id(f"tap {name} {taken.date()}"),
            "kind": kind,
            "taken_at": taken.isoformat(),
            "fix": {**place, "accuracy_m": 15, "provider": "gps", "taken_at": taken.isoformat()},
            "device": "phone-1",
        }
        known: dict[str, Any] = await story.as_user("cadre").get(
            "/attendance/check-ins", person="zeku.cadre", **{"from": str(taken.date())}
        )
        if any(one["id"] == tap["id"] for one in known["items"]):
            told.append("今天已打卡")
            continue
        answer = await story.as_user("cadre").post("/attendance/check-ins", tap, key=str(tap["id"]))
        told.append(answer["items"][0]["words"])
    return "驻村干部打卡: " + "; ".join(told)


STEPS = (Step("设驻村点", create_post), Step("打卡", record_check_ins))
