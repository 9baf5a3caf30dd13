"""A small village to test in: its hall, its people, and what they send."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from shared.db import new_id
from tests.clients import VILLAGE, ServiceUnderTest
from tests.conftest import Clock

HALL_POSITION = (102.9010, 37.6020)
"""The middle of the village hall's fence, WGS-84."""
DEGREES_PER_METRE_NORTH = 1 / 111_195
BEIJING_OFFSET = timedelta(hours=8)


async def post_json(
    client: httpx.AsyncClient, address: str, body: Any, status: int = 201, **more: Any
) -> Any:
    """The JSON answer of a POST that must answer with this status."""
    answered = await client.post(address, json=body, **more)
    assert answered.status_code == status, answered.text
    return answered.json()


async def get_json(client: httpx.AsyncClient, address: str, status: int = 200, **params: Any) -> Any:
    """The JSON answer of a GET that must answer with this status."""
    answered = await client.get(address, params=params or None)
    assert answered.status_code == status, answered.text
    return answered.json()


async def create_post(
    client: httpx.AsyncClient,
    *persons: str,
    region: str = VILLAGE,
    at: tuple[float, float] = HALL_POSITION,
    name: str = "新店村村委会",
    since: str = "2024-05-01",
) -> Any:
    """A post with a circle of 200 m and these persons stationed there."""
    circle = {"kind": "circle", "lon": at[0], "lat": at[1], "datum": "wgs84", "radius_m": 200}
    made = await post_json(client, "/attendance/posts", {"name": name, "region": region, "fences": [circle]})
    for person in persons:
        body = {"person": person, "person_name": f"{person}同志", "starts_on": since}
        await post_json(client, f"/attendance/posts/{made['id']}/assignments", body)
    return made


def build_check_in(
    clock: Clock,
    *,
    north_m: float = 0,
    hall: tuple[float, float] = HALL_POSITION,
    at: datetime | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A check-in a minute ago (or at an instant), so many metres north of the hall."""
    when = (at or clock.now() - timedelta(minutes=1)).isoformat()
    fix = {
        "lon": hall[0],
        "lat": hall[1] + north_m * DEGREES_PER_METRE_NORTH,
        "datum": "wgs84",
        "accuracy_m": 20,
        "taken_at": when,
    }
    return {"id": str(new_id()), "taken_at": when, "fix": fix, "device": "phone-1", **changes}


async def submit_check_in(client: httpx.AsyncClient, tap: dict[str, Any]) -> dict[str, Any]:
    """The result of one check-in."""
    (one,) = (await post_json(client, "/attendance/check-ins", tap))["items"]
    return dict(one)


async def set_rule(door: ServiceUnderTest, key: str, region: str = "620602000000", **changes: Any) -> None:
    """The bureau of a region sets its own version of a rule: what is there, with changes."""
    bureau = door.client_as("bureau", region)
    versions = await get_json(bureau, f"/attendance/rules/{key}")
    now = next(one for one in versions if one["region"] in {region, "000000000000"})
    entry = {name: now[name] for name in ("key", "title", "basis", "confirmed")}
    body = {**entry, "region": region, "effective_from": "2015-01-01", "value": {**now["value"], **changes}}
    await post_json(bureau, "/attendance/rules", body)
