"""Helpers that create a village post, persons and check-ins through the API."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from shared.db import new_id
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest, set_rule_version
from tests.conftest import Clock

HALL_POSITION = (102.9010, 37.6020)
"""Centre of the village hall's fence: (lon, lat), WGS-84."""
DEGREES_PER_METRE_NORTH = 1 / 111_195
BEIJING_OFFSET = timedelta(hours=8)


async def post_json(
    client: httpx.AsyncClient, address: str, body: Any, status: int = 201, **options: Any
) -> Any:
    """Sends a POST, asserts its status, returns the JSON."""
    response = await client.post(address, json=body, **options)
    assert response.status_code == status, response.text
    return response.json()


async def get_json(client: httpx.AsyncClient, address: str, status: int = 200, **params: Any) -> Any:
    """Sends a GET, asserts its status, returns the JSON."""
    response = await client.get(address, params=params or None)
    assert response.status_code == status, response.text
    return response.json()


async def create_post(
    client: httpx.AsyncClient,
    *persons: str,
    region: str = VILLAGE,
    at: tuple[float, float] = HALL_POSITION,
    name: str = "新店村村委会",
    since: str = "2024-05-01",
) -> Any:
    """Creates a post with a circle of 200 m, and assigns these persons to it."""
    circle = {"kind": "circle", "lon": at[0], "lat": at[1], "datum": "wgs84", "radius_m": 200}
    post = await post_json(client, "/attendance/posts", {"name": name, "region": region, "fences": [circle]})
    for person in persons:
        body = {"person": person, "person_name": f"{person}同志", "starts_on": since}
        await post_json(client, f"/attendance/posts/{post['id']}/assignments", body)
    return post


def build_check_in(
    clock: Clock,
    *,
    north_m: float = 0,
    hall: tuple[float, float] = HALL_POSITION,
    at: datetime | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Returns a check-in a minute ago (or at `at`), `north_m` metres north of the hall."""
    taken_at = (at or clock.now() - timedelta(minutes=1)).isoformat()
    fix = {
        "lon": hall[0],
        "lat": hall[1] + north_m * DEGREES_PER_METRE_NORTH,
        "datum": "wgs84",
        "accuracy_m": 20,
        "taken_at": taken_at,
    }
    return {"id": str(new_id()), "taken_at": taken_at, "fix": fix, "device": "phone-1", **changes}


async def submit_check_in(client: httpx.AsyncClient, check_in: dict[str, Any]) -> dict[str, Any]:
    """Submits one check-in and returns its result."""
    (result,) = (await post_json(client, "/attendance/check-ins", check_in))["items"]
    return dict(result)


async def set_rule(service: ServiceUnderTest, key: str, region: str = "620602000000", **changes: Any) -> None:
    """Sets a region's own version of a rule: the present value with changes."""
    bureau = service.client_as("bureau", region)
    versions = await get_json(bureau, f"/attendance/rules/{key}")
    current = next(version for version in versions if version["region"] in {region, "000000000000"})
    entry = {name: current[name] for name in ("key", "title", "confirmed")}
    body = {
        **entry,
        "region": region,
        "effective_from": "2015-01-01",
        "value": {**current["value"], **changes},
    }
    await set_rule_version(service, body)


async def create_account(system: SystemUnderTest, name: str, role: str, region: str, **grant: Any) -> None:
    """Creates an account with one grant at the identity service."""
    admin = system.service("identity").client_as("admin", DISTRICT)
    grants = [{"role": role, "region": region, "valid_from": "2024-01-01"} | grant]
    await post_json(admin, "/users", {"id": name, "name": "王代理", "region": region, "grants": grants})
