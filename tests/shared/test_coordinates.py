"""Places keep their datum, convert exactly, and refuse what is no place."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.china import (
    CHINA_BOUNDS,
    Datum,
    Fix,
    Place,
    Point,
    bounding_box,
    coarsen_location,
    from_wgs84,
    haversine_m,
    to_wgs84,
)

WEST, SOUTH, EAST, NORTH = CHINA_BOUNDS
points_in_china = st.tuples(st.floats(WEST + 0.1, EAST - 0.1), st.floats(SOUTH + 0.1, NORTH - 0.1))
points_in_district = st.tuples(st.floats(102.05, 102.95), st.floats(37.4, 38.2))
points_anywhere = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


def test_the_published_vector_of_beijing() -> None:
    gcj = from_wgs84(116.3975, 39.9087, Datum.GCJ02)
    assert gcj == pytest.approx((116.40374, 39.91010), abs=5e-6)


def test_the_published_vectors_of_the_public_formula() -> None:
    # wandergis/coordtransform, README: 116.404, 39.915
    lon, lat = 116.404, 39.915
    assert from_wgs84(lon, lat, Datum.GCJ02) == pytest.approx(
        (116.41024449916938, 39.91640428150164), abs=1e-9
    )
    assert to_wgs84(lon, lat, Datum.GCJ02) == pytest.approx((116.39775550083061, 39.91359571849836), abs=2e-5)
    as_gcj = from_wgs84(*to_wgs84(lon, lat, Datum.GCJ02), Datum.BD09)
    assert as_gcj == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-7)


@given(points_in_district)
def test_the_offsets_in_the_first_district(place: tuple[float, float]) -> None:
    gcj = from_wgs84(*place, Datum.GCJ02)
    bd = from_wgs84(*place, Datum.BD09)
    assert 0.0012 < gcj.lon - place[0] < 0.0024
    assert 145 < haversine_m(place, gcj) < 215
    assert 850 < haversine_m(gcj, bd) < 910
    assert 980 < haversine_m(place, bd) < 1090


@pytest.mark.parametrize("datum", list(Datum))
@given(place=points_in_china)
def test_the_round_trip_is_better_than_a_centimetre(datum: Datum, place: tuple[float, float]) -> None:
    assert haversine_m(to_wgs84(*from_wgs84(*place, datum), datum), place) < 0.01
    assert haversine_m(from_wgs84(*to_wgs84(*place, datum), datum), place) < 0.01


@pytest.mark.parametrize("lon", [104.999999999, 105.0, 105.000000001])
def test_the_round_trip_holds_where_the_formula_has_a_cusp(lon: float) -> None:
    for datum in Datum:
        assert haversine_m(to_wgs84(*from_wgs84(lon, 35.0, datum), datum), (lon, 35.0)) < 0.01


@pytest.mark.parametrize(
    "place", [(2.3522, 48.8566), (-74.006, 40.7128), (151.2, -33.87), (180.0, 0.0), (100.0, 90.0)]
)
def test_nothing_is_offset_outside_china(place: tuple[float, float]) -> None:
    for datum in Datum:
        assert from_wgs84(*place, datum) == place
        assert to_wgs84(*place, datum) == place


def test_known_distances() -> None:
    assert haversine_m((0, 0), (0, 1)) == pytest.approx(111_195.08, abs=0.01)
    assert haversine_m((0, 0), (180, 0)) == pytest.approx(math.pi * 6_371_008.8)
    # Lyon to Paris, the published example of the haversine package: 392.217 km with this radius
    assert haversine_m((4.8422, 45.7597), (2.3508, 48.8567)) == pytest.approx(392_217.26, abs=1)
    assert haversine_m((102.6, 37.9), (102.6, 37.9)) == 0


@given(points_anywhere, points_anywhere)
def test_distance_is_symmetric_and_bounded(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert haversine_m(a, b) == pytest.approx(haversine_m(b, a), abs=1e-6)
    assert 0 <= haversine_m(a, b) <= math.pi * 6_371_008.8 + 1


@given(points_anywhere, st.floats(1, 2_000_000), st.floats(0, 2 * math.pi), st.floats(0, 0.999))
def test_the_box_holds_everything_within_the_radius(
    centre: tuple[float, float], radius: float, bearing: float, part: float
) -> None:
    lat, away = math.radians(centre[1]), radius * part / 6_371_008.8
    there = math.asin(math.sin(lat) * math.cos(away) + math.cos(lat) * math.sin(away) * math.cos(bearing))
    turn = math.atan2(
        math.sin(bearing) * math.sin(away) * math.cos(lat), math.cos(away) - math.sin(lat) * math.sin(there)
    )
    lon = (centre[0] + math.degrees(turn) + 540) % 360 - 180
    west, south, east, north = bounding_box(*centre, radius)
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= math.degrees(there) <= north + 1e-9


def test_a_place_is_stored_as_wgs84() -> None:
    place = Place.model_validate({"lon": 116.40374, "lat": 39.91010, "datum": "gcj02"})
    assert haversine_m(place.to_wgs84(), (116.3975, 39.9087)) < 1


def test_a_fix_keeps_what_the_device_said() -> None:
    fix = Fix.model_validate_json(
        '{"lon": 102, "lat": 37.9, "datum": "wgs84", "accuracy_m": 12, "provider": "gps", '
        '"taken_at": "2022-06-09T08:00:00+08:00"}'
    )
    assert (fix.accuracy_m, fix.provider) == (12, "gps")
    assert fix.taken_at is not None
    assert fix.taken_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"lon": 0, "lat": 0}, "0,0"),
        ({"lon": 0.000001, "lat": -0.000001}, "0,0"),
        ({"lon": 180.1}, "lon"),
        ({"lat": -91}, "lat"),
        ({"lat": math.nan}, "lat"),
        ({"lon": math.inf}, "lon"),
        ({"lon": "102.6"}, "lon"),
        ({"lon": True}, "lon"),
        ({"datum": None}, "datum"),
        ({"datum": "cgcs"}, "datum"),
        ({"provider": "ip"}, "IP"),
        ({"provider": "geoip"}, "IP"),
        ({"provider": "GPS receiver"}, "定位来源"),
        ({"provider": ""}, "定位来源"),
        ({"accuracy_m": math.nan}, "accuracy_m"),
        ({"taken_at": "2022-06-09T08:00:00"}, "taken_at"),
    ],
)
def test_what_is_no_fix_is_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Fix.model_validate({"lon": 102.6, "lat": 37.9, "datum": "wgs84"} | change)


def test_the_datum_must_be_said() -> None:
    with pytest.raises(ValidationError, match="datum"):
        Place.model_validate({"lon": 102.6, "lat": 37.9})


def test_the_schema_says_what_is_refused() -> None:
    schema = TypeAdapter(Fix).json_schema()
    assert schema["not"]["required"] == ["lon", "lat"]
    assert set(schema["required"]) == {"lon", "lat", "datum"}
    assert "ip" in schema["properties"]["provider"]["anyOf"][0]["pattern"]


def test_a_coarse_place_is_about_a_kilometre() -> None:
    assert coarsen_location(102.64172, 37.93028) == Point(102.64, 37.93)
    assert haversine_m((102.64499, 37.93499), coarsen_location(102.64499, 37.93499)) < 1_000
