"""Step six: a cadre checks in inside and outside the fence of a post."""

from datetime import timedelta
from typing import Any

from embedded.story.facts import YEJINMU
from embedded.story.telling import Step, Story, fixed_id, now

HALL = {"lon": 101.5987, "lat": 35.2581, "datum": "wgs84"}
FAR = {"lon": 101.6512, "lat": 35.2581, "datum": "wgs84"}


async def station(story: Story) -> str:
    """A post with a round fence, and who is stationed there."""
    post_id = fixed_id("post")
    post = {
        "id": post_id,
        "name": "叶金木村村委会",
        "region": YEJINMU,
        "fences": [{"kind": "circle", "radius_m": 200, **HALL}],
    }
    await story.as_("town").post("/attendance/posts", post)
    assignment = {
        "id": fixed_id("assignment"),
        "person": "zeku.cadre",
        "person_name": "驻村干部",
        "starts_on": "2023-01-01",
    }
    await story.as_("town").post(f"/attendance/posts/{post_id}/assignments", assignment)
    return "镇里设驻村点叶金木村村委会, 围栏半径 200 米"


async def check_in(story: Story) -> str:
    """Inside, then outside: the verdict comes with the answer."""
    told: list[str] = []
    for name, kind, place, ago in (("in", "OnDuty", HALL, 2), ("out", "OffDuty", FAR, 1)):
        taken = now() - timedelta(minutes=ago)
        tap = {
            "id": fixed_id(f"tap {name} {taken.date()}"),
            "kind": kind,
            "taken_at": taken.isoformat(),
            "fix": {**place, "accuracy_m": 15, "provider": "gps", "taken_at": taken.isoformat()},
            "device": "phone-1",
        }
        known: dict[str, Any] = await story.as_("cadre").get(
            "/attendance/check-ins", person="zeku.cadre", **{"from": str(taken.date())}
        )
        if any(one["id"] == tap["id"] for one in known["items"]):
            told.append("今天已打卡")
            continue
        answer = await story.as_("cadre").post("/attendance/check-ins", tap, key=str(tap["id"]))
        told.append(answer["items"][0]["words"])
    return "驻村干部打卡: " + "; ".join(told)


STEPS = (Step("设驻村点", station), Step("打卡", check_in))
