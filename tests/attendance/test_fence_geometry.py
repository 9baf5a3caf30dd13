"""Fences and positions through the API: datums, edges, holes, the date line."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.china import Datum, from_wgs84, haversine_m, to_wgs84
from tests.attendance.factories_attendance import (
    DEGREES_PER_METRE_NORTH,
    HALL_POSITION,
    build_check_in,
    post_json,
    submit_check_in,
)
from tests.clients import VILLAGE
from tests.conftest import Clock

DEGREES_PER_METRE_EAST = DEGREES_PER_METRE_NORTH / 0.7923
"""Degrees of longitude per metre at the hall."""


def build_ring(*corners: tuple[float, float]) -> list[list[float]]:
    points = [
        [HALL_POSITION[0] + east * DEGREES_PER_METRE_EAST, HALL_POSITION[1] + north * DEGREES_PER_METRE_NORTH]
        for east, north in corners
    ]
    return [*points, points[0]]


COURTYARD_RINGS = [
    build_ring((-100, -100), (100, -100), (100, 100), (-100, 100)),
    build_ring((-30, -30), (-30, 30), (30, 30), (30, -30)),
]


@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        # googollee/eviltransform, its own test vectors: 上海, 深圳, 北京
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ],
)
def test_conversion_matches_published_test_vectors(
    wgs: tuple[float, float], gcj: tuple[float, float]
) -> None:
    assert haversine_m(from_wgs84(*wgs, Datum.GCJ02), gcj) < 0.001
    assert haversine_m(to_wgs84(*gcj, Datum.GCJ02), wgs) < 0.01


async def create_fenced_post(town: httpx.AsyncClient, *fences: dict[str, Any]) -> Any:
    post = await post_json(
        town, "/attendance/posts", {"name": "院子", "region": VILLAGE, "fences": list(fences)}
    )
    body = {"person": "li", "person_name": "李明", "starts_on": "2024-01-01"}
    await post_json(town, f"/attendance/posts/{post['id']}/assignments", body)
    return post


@pytest.mark.parametrize(
    ("north_m", "verdict"),
    [
        (0, "outside"),
        (-21, "unsure"),
        (-39, "unsure"),
        (50.1, "inside"),
        (79.9, "inside"),
        (80.2, "unsure"),
        (121, "outside"),
    ],
)
async def test_a_polygon_with_a_courtyard(
    town: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock, north_m: float, verdict: str
) -> None:
    await create_fenced_post(town, {"kind": "polygon", "datum": "wgs84", "coordinates": COURTYARD_RINGS})
    check_in = build_check_in(clock, north_m=north_m)
    check_in["fix"]["accuracy_m"] = 9.5 if north_m == 0 else 20
    assert (await submit_check_in(cadre, check_in))["verdict"] == verdict


async def test_a_fence_given_in_gcj02_stands_where_it_was_drawn(
    town: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    rings = [[list(from_wgs84(lon, lat, Datum.GCJ02)) for lon, lat in ring] for ring in COURTYARD_RINGS[:1]]
    await create_fenced_post(town, {"kind": "polygon", "datum": "gcj02", "coordinates": rings})
    assert (await submit_check_in(cadre, build_check_in(clock, north_m=79)))["verdict"] == "inside"
    assert (await submit_check_in(cadre, build_check_in(clock, north_m=130)))["verdict"] == "outside"


@pytest.mark.parametrize(
    ("coordinates", "words"),
    [
        ([[[179.9, 10], [-179.9, 10], [-179.9, 11], [179.9, 11], [179.9, 10]]], "180"),
        ([build_ring((0, 0), (100, 100), (100, 0), (0, 100))], "自相交"),
        ([build_ring((0, 0), (100, 0), (100, 100))[:-1]], ""),
        ([COURTYARD_RINGS[0], build_ring((500, 500), (500, 530), (530, 530))], "洞"),
    ],
)
async def test_an_invalid_fence_is_refused_with_the_reason(
    town: httpx.AsyncClient, coordinates: Any, words: str
) -> None:
    fence = {"kind": "polygon", "datum": "wgs84", "coordinates": coordinates}
    body = {"name": "院子", "region": VILLAGE, "fences": [fence]}
    problem = await post_json(town, "/attendance/posts", body, 422)
    assert problem["errors"][0]["pointer"].startswith("/fences/0")
    assert words in problem["errors"][0]["detail"]


async def test_a_fence_is_imported_from_geojson(
    town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    shape = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {},
                "geometry": {"type": "Polygon", "coordinates": COURTYARD_RINGS},
            }
        ],
    }
    address = f"/attendance/posts/{post['id']}/fence-import"
    tag = {"If-Match": (await town.get(f"/attendance/posts/{post['id']}")).headers["ETag"]}
    changed = await post_json(town, address, {"datum": "wgs84", "geojson": shape}, 200, headers=tag)
    assert [fence["kind"] for fence in changed["fences"]] == ["polygon"]
    assert (await submit_check_in(cadre, build_check_in(clock, north_m=60)))["verdict"] == "inside"
    for bad in (
        {"type": "Point", "coordinates": [1, 2]},
        {},
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]},
        {"type": "FeatureCollection", "features": [3]},
    ):
        tag = {"If-Match": (await town.get(f"/attendance/posts/{post['id']}")).headers["ETag"]}
        await post_json(town, address, {"datum": "wgs84", "geojson": bad}, 422, headers=tag)


async def test_a_fence_is_added_around_an_exact_and_recent_fix(
    town: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    pasture = (HALL_POSITION[0] + 0.05, HALL_POSITION[1])
    fix = {
        "lon": pasture[0],
        "lat": pasture[1],
        "datum": "wgs84",
        "accuracy_m": 12,
        "taken_at": clock.now().isoformat(),
    }
    address = f"/attendance/posts/{post['id']}/fence-here"
    tag = {"If-Match": (await town.get(f"/attendance/posts/{post['id']}")).headers["ETag"]}
    vague = await post_json(town, address, {"fix": {**fix, "accuracy_m": 51}}, 422, headers=tag)
    assert vague["errors"][0]["pointer"] == "/fix/accuracy_m"
    old = await post_json(
        town, address, {"fix": {**fix, "taken_at": "2024-05-19T00:00:00Z"}}, 422, headers=tag
    )
    assert old["errors"][0]["pointer"] == "/fix/taken_at"
    assert (await submit_check_in(cadre, build_check_in(clock, hall=pasture)))["verdict"] == "outside"
    changed = await post_json(town, address, {"fix": fix}, 200, headers=tag)
    assert len(changed["fences"]) == 2
    assert changed["fences"][1]["radius_m"] == 500
    clock.advance(timedelta(minutes=5))
    assert (await submit_check_in(cadre, build_check_in(clock, hall=pasture)))["verdict"] == "inside"
