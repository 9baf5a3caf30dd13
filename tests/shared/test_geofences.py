"""A fence says inside or outside only when it is sure."""

import json
import math
from collections.abc import Callable

import pytest
import shapely  # type: ignore[import-untyped]
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.china import (
    MAX_VERTICES,
    Circle,
    CircleIn,
    Datum,
    FenceIn,
    FencePosition,
    Point,
    Polygon,
    PolygonIn,
    evaluate_fences,
    fence_from_json,
    fence_to_json,
    from_wgs84,
    haversine_m,
    polygons_from_geojson,
)

LON, LAT = 102.64, 37.93
METRES_PER_DEGREE_LON = 111_195.08 * math.cos(math.radians(LAT))
METRES_PER_DEGREE_LAT = 111_195.08
FENCE_ADAPTER: TypeAdapter[CircleIn | PolygonIn] = TypeAdapter(FenceIn)


def build_point(east: float, north: float) -> tuple[float, float]:
    """The point so many metres from the village office."""
    return LON + east / METRES_PER_DEGREE_LON, LAT + north / METRES_PER_DEGREE_LAT


def build_ring(*corners: tuple[float, float]) -> list[tuple[float, float]]:
    return [build_point(*corner) for corner in (*corners, corners[0])]


SQUARE = build_ring((-100, -100), (100, -100), (100, 100), (-100, 100))
HOLE = build_ring((-30, -30), (-30, 30), (30, 30), (30, -30))
COURTYARD = PolygonIn(kind="polygon", datum=Datum.WGS84, coordinates=[SQUARE, HOLE]).to_fence()
CIRCLE = Circle(LON, LAT, 200)


@pytest.mark.parametrize(
    ("east", "accuracy", "kind", "distance", "margin"),
    [
        (0, 10, FencePosition.INSIDE, 0, 190),
        (150, 40, FencePosition.INSIDE, 0, 10),
        (150, 60, FencePosition.UNSURE, 0, -10),
        (250, 60, FencePosition.UNSURE, 50, -10),
        (250, 40, FencePosition.OUTSIDE, 50, 10),
        (0, 5_000, FencePosition.UNSURE, 0, -4_800),
        (0, 0, FencePosition.INSIDE, 0, 200),
        (20_000, 20, FencePosition.OUTSIDE, 19_800, 19_780),
    ],
)
def test_a_circle(east: float, accuracy: float, kind: FencePosition, distance: float, margin: float) -> None:
    found = evaluate_fences([CIRCLE], build_point(east, 0), accuracy)
    assert found.kind is kind
    assert found.distance_m == pytest.approx(distance, abs=0.2)
    assert found.margin_m == pytest.approx(margin, abs=0.2)


@pytest.mark.parametrize(
    ("place", "kind", "distance"),
    [
        ((65, 0), FencePosition.INSIDE, 0),
        ((0, 0), FencePosition.OUTSIDE, 30),
        ((110, 0), FencePosition.OUTSIDE, 10),
        ((103, 104), FencePosition.UNSURE, 5),
        ((98, 0), FencePosition.UNSURE, 0),
        ((0, -28), FencePosition.UNSURE, 2),
        ((3_100, 4_100), FencePosition.OUTSIDE, 5_000),
    ],
)
def test_a_polygon_with_a_hole(place: tuple[float, float], kind: FencePosition, distance: float) -> None:
    found = evaluate_fences([COURTYARD], build_point(*place), 8)
    assert found.kind is kind
    assert found.distance_m == pytest.approx(distance, abs=0.001 * distance + 0.1)


def test_the_best_of_several_fences_counts() -> None:
    far, near = Circle(*build_point(5_000, 0), 100), Circle(*build_point(1_000, 0), 100)
    assert evaluate_fences([far, near], build_point(0, 0), 10).fence == 1
    best = evaluate_fences([far, near, CIRCLE], build_point(0, 0), 10)
    assert (best.kind, best.distance_m, best.fence) == (FencePosition.INSIDE, 0, 2)
    straddling = Circle(*build_point(105, 0), 100)
    assert evaluate_fences([near, straddling], build_point(0, 0), 10).kind is FencePosition.UNSURE


def test_a_fix_that_does_not_state_its_accuracy_counts_as_coarse() -> None:
    assert evaluate_fences([CIRCLE], build_point(120, 0), None).kind is FencePosition.UNSURE
    assert evaluate_fences([CIRCLE], build_point(50, 0), None).kind is FencePosition.INSIDE
    assert evaluate_fences([CIRCLE], build_point(120, 0), None, unstated_m=30).kind is FencePosition.INSIDE


def test_without_a_fence_there_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="没有围栏"):
        evaluate_fences([], build_point(0, 0), 10)


@st.composite
def simple_polygons(draw: st.DrawFn) -> list[tuple[float, float]]:
    """A simple polygon around the office, any shape seen whole from its middle."""
    steps = draw(st.lists(st.integers(1, 20), min_size=3, max_size=40))
    turn, corners, total = 0, [], sum(steps)
    assume(max(steps) * 2 < total)
    for step in steps:
        reach = draw(st.floats(50, 2_000))
        angle = 2 * math.pi * turn / total
        corners.append((reach * math.cos(angle), reach * math.sin(angle)))
        turn += step
    return corners


@given(simple_polygons(), st.tuples(st.floats(-3_000, 3_000), st.floats(-3_000, 3_000)))
def test_polygons_agree_with_geos(corners: list[tuple[float, float]], place: tuple[float, float]) -> None:
    fence = PolygonIn(kind="polygon", datum=Datum.WGS84, coordinates=[build_ring(*corners)]).to_fence()
    found = evaluate_fences([fence], build_point(*place), 0)
    plane, point = shapely.Polygon(corners), shapely.Point(place)
    edge = plane.exterior.distance(point)
    assume(edge > 0.5)
    assert (found.kind is FencePosition.INSIDE) == plane.contains(point)
    assert found.margin_m == pytest.approx(edge, rel=2e-3, abs=0.3)


@given(
    st.floats(0, 400),
    st.floats(0, 2 * math.pi),
    st.floats(0, 300),
    st.floats(0, 0.99),
    st.floats(0, 2 * math.pi),
)
def test_a_sure_verdict_holds_wherever_in_its_circle_the_phone_really_was(
    away: float, bearing: float, accuracy: float, part: float, drift: float
) -> None:
    east, north = away * math.cos(bearing), away * math.sin(bearing)
    said = evaluate_fences([CIRCLE, COURTYARD], build_point(east, north), accuracy)
    assume(said.kind is not FencePosition.UNSURE and abs(said.margin_m) > 0.5)
    really = build_point(east + accuracy * part * math.cos(drift), north + accuracy * part * math.sin(drift))
    assert evaluate_fences([CIRCLE, COURTYARD], really, 0).kind is said.kind


@pytest.mark.parametrize("datum", list(Datum))
def test_a_fence_drawn_on_any_map_is_the_same_fence(datum: Datum) -> None:
    circle = CircleIn(
        kind="circle", datum=datum, radius_m=200, **from_wgs84(LON, LAT, datum)._asdict()
    ).to_fence()
    assert haversine_m((circle.lon, circle.lat), (LON, LAT)) < 0.01
    drawn = [from_wgs84(*corner, datum) for corner in SQUARE]
    square = PolygonIn(kind="polygon", datum=datum, coordinates=[[(x, y) for x, y in drawn]]).to_fence()
    assert all(haversine_m(a, b) < 0.01 for a, b in zip(square.rings[0], SQUARE, strict=True))


def test_fences_are_kept_as_json() -> None:
    for fence in (CIRCLE, COURTYARD):
        assert fence_from_json(json.loads(json.dumps(fence_to_json(fence)))) == fence
    sent = {"kind": "circle", "lon": LON, "lat": LAT, "datum": "wgs84", "radius_m": 300}
    assert FENCE_ADAPTER.validate_json(json.dumps(sent)).to_fence() == Circle(LON, LAT, 300)


BOW_TIE = build_ring((-100, -100), (100, 100), (100, -100), (-100, 100))
FAR_HOLE = build_ring((200, 200), (210, 200), (210, 210))


@pytest.mark.parametrize(
    ("rings", "word"),
    [
        ([[*SQUARE[:-1], build_point(0, 0)]], "没有闭合"),
        ([BOW_TIE], "自相交"),
        ([SQUARE, FAR_HOLE], "洞在边界之外"),
        ([SQUARE, SQUARE], "边界"),
        ([[build_point(0, 0), build_point(1, 1), build_point(2, 2), build_point(0, 0)]], "围栏"),
        ([[(-179.9, 10.0), (179.9, 10.0), (179.9, 11.0), (-179.9, 10.0)]], "180度经线"),
        ([[build_point(0, 0), build_point(1, 0), build_point(0, 0)]], "4"),
        ([], "1"),
        ([[(math.nan, 37.0), build_point(1, 0), build_point(1, 1), (math.nan, 37.0)]], "finite"),
        ([[(102.6, 91.0), build_point(1, 0), build_point(1, 1), (102.6, 91.0)]], "90"),
    ],
)
def test_an_unsound_polygon_is_refused(rings: list[list[tuple[float, float]]], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        PolygonIn(kind="polygon", datum=Datum.WGS84, coordinates=rings)


def test_too_many_vertices_are_refused_before_the_work() -> None:
    around = [build_point(500 * math.cos(i / 1_000), 500 * math.sin(i / 1_000)) for i in range(1_500)]
    with pytest.raises(ValidationError, match=str(MAX_VERTICES)):
        PolygonIn(kind="polygon", datum=Datum.WGS84, coordinates=[[*around, around[0]], [*around, around[0]]])


@pytest.mark.parametrize(
    "change", [{"radius_m": 0}, {"radius_m": 60_000}, {"lon": 0, "lat": 0}, {"datum": None}]
)
def test_an_impossible_circle_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FENCE_ADAPTER.validate_python(
            {"kind": "circle", "lon": LON, "lat": LAT, "datum": "wgs84", "radius_m": 300} | change
        )


def _build_polygon(coordinates: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": coordinates}


@pytest.mark.parametrize(
    ("wrap", "count"),
    [
        (_build_polygon, 1),
        (lambda rings: {"type": "Feature", "geometry": _build_polygon(rings)}, 1),
        (
            lambda rings: {
                "type": "FeatureCollection",
                "features": [{"type": "Feature", "geometry": _build_polygon(rings)}],
            },
            1,
        ),
        (lambda rings: {"type": "MultiPolygon", "coordinates": [rings, rings]}, 2),
    ],
)
def test_geojson(wrap: Callable[[object], dict[str, object]], count: int) -> None:
    rings = [[[x, y, 1_500.0] for x, y in SQUARE], [[x, y] for x, y in HOLE]]
    found = polygons_from_geojson(wrap(rings), Datum.WGS84)
    assert found == [COURTYARD] * count


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"type": "FeatureCollection"},
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Feature"},
        _build_polygon([[["a", "b"]] * 4]),
        _build_polygon(None),
        _build_polygon(5),
        _build_polygon([[1, 2, 3, 4]]),
        _build_polygon([]),
        {"type": "FeatureCollection", "features": [5]},
    ],
)
def test_what_is_no_fence_is_refused(shape: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"围栏|coordinates"):
        polygons_from_geojson(shape, Datum.WGS84)


def test_the_edge_of_a_degenerate_segment_is_its_point() -> None:
    corner = Point(*build_point(0, 0))
    fence = Polygon(((corner, corner, Point(*build_point(10, 0)), Point(*build_point(0, 10)), corner),))
    assert evaluate_fences([fence], build_point(-5, 0), 1).distance_m == pytest.approx(5, abs=0.01)
