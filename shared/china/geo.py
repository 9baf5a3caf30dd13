"""Coordinates: datums and their conversion, input models for places and fixes, distances in metres.

Locations are stored in WGS-84 beside the received values. In 凉州区 the offset between WGS-84 and GCJ-02 is 155 to
180 m, between WGS-84 and BD-09 about 1,000 m, so a wrong datum moves people across geofences.
"""

import math
import re
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from shared.china.labels import LabelledEnum
from shared.request_body import RequestBody

EARTH_RADIUS_M = 6_371_008.8
CHINA_BOUNDS = (72.004, 0.8293, 137.8347, 55.8271)
"""Bounding box (west, south, east, north, degrees) within which the public GCJ-02 formula applies an offset."""
NULL_ISLAND_DEG = 1e-5
IP_PROVIDERS = frozenset({"ip", "geoip", "ip_location"})
_PROVIDER_PATTERN = r"^(?!(ip|geoip|ip_location)$)[a-z0-9_-]{1,20}$"
_KRASOVSKY_A = 6_378_245.0
_KRASOVSKY_EE = 0.00669342162296594323
_BAIDU_TURN = math.pi * 3000 / 180
_BAIDU_LON, _BAIDU_LAT = 0.0065, 0.006
_CONVERGENCE_DEG = 1e-8
_MAX_ITERATIONS = 30


class Datum(LabelledEnum):
    """Geodetic datum (坐标系): WGS-84 of GPS and browsers, GCJ-02 of 高德 and 腾讯, BD-09 of 百度."""

    WGS84 = "wgs84", "WGS-84(GPS)"
    GCJ02 = "gcj02", "GCJ-02(高德、腾讯)"
    BD09 = "bd09", "BD-09(百度)"


class Point(NamedTuple):
    """Longitude and latitude in degrees."""

    lon: float
    lat: float


def to_wgs84(lon: float, lat: float, datum: Datum) -> Point:
    """Convert a point to WGS-84 by iteration, with an error below 1 cm; outside `CHINA_BOUNDS` there is no offset."""
    if datum is Datum.WGS84:
        return Point(lon, lat)
    original = estimate = Point(lon, lat)
    if not _is_in_china_bounds(original, beyond=1):  # the formula diverges near the poles
        return original
    for _ in range(_MAX_ITERATIONS):
        shifted = _apply_offset(estimate, datum)
        estimate = Point(estimate.lon + lon - shifted.lon, estimate.lat + lat - shifted.lat)
        if abs(lon - shifted.lon) + abs(lat - shifted.lat) < _CONVERGENCE_DEG:
            break
    return estimate if _is_in_china_bounds(estimate) else original


def from_wgs84(lon: float, lat: float, datum: Datum) -> Point:
    """Convert a WGS-84 point to the datum of a map."""
    point = Point(lon, lat)
    if datum is Datum.WGS84 or not _is_in_china_bounds(point):
        return point
    return _apply_offset(point, datum)


def haversine_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance in metres between two (lon, lat) in the same datum (haversine, mean Earth radius)."""
    south, north = math.radians(a[1]), math.radians(b[1])
    across = math.sin(math.radians(b[0] - a[0]) / 2)
    along = math.sin((north - south) / 2)
    return (
        2
        * EARTH_RADIUS_M
        * math.asin(min(1.0, math.sqrt(along * along + math.cos(south) * math.cos(north) * across * across)))
    )


def bounding_box(lon: float, lat: float, radius_m: float) -> tuple[float, float, float, float]:
    """Bounding box (west, south, east, north, degrees) of a circle, for an indexed pre-filter.

    A box that reaches a pole or the date line is widened to all longitudes.
    """
    lat_delta = math.degrees(radius_m / EARTH_RADIUS_M)
    south, north = lat - lat_delta, lat + lat_delta
    if south <= -90 or north >= 90:  # noqa: PLR2004 - the poles
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    lon_delta = math.degrees(
        math.asin(min(1.0, math.sin(math.radians(lat_delta)) / math.cos(math.radians(lat))))
    )
    west, east = lon - lon_delta, lon + lon_delta
    if west < -180 or east > 180:  # noqa: PLR2004 - the date line
        west, east = -180.0, 180.0
    return west, south, east, north


def coarsen_location(lon: float, lat: float, places: int = 2) -> Point:
    """Round coordinates for records past their retention period; two decimals are about one kilometre."""
    return Point(round(lon, places), round(lat, places))


def _is_in_china_bounds(point: Point, beyond: float = 0) -> bool:
    west, south, east, north = CHINA_BOUNDS
    return west - beyond <= point.lon <= east + beyond and south - beyond <= point.lat <= north + beyond


def _apply_offset(point: Point, datum: Datum) -> Point:
    shifted = _to_gcj02(point)
    return shifted if datum is Datum.GCJ02 else _to_bd09(shifted)


def _to_gcj02(point: Point) -> Point:
    """WGS-84 → GCJ-02 by the public formula (eviltransform, prcoords); the official one is secret."""
    x, y = point.lon - 105, point.lat - 35
    common = 20 * math.sin(6 * math.pi * x) + 20 * math.sin(2 * math.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (common + 20 * math.sin(math.pi * y) + 40 * math.sin(math.pi * y / 3)) * 2 / 3
    north += (160 * math.sin(math.pi * y / 12) + 320 * math.sin(math.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (common + 20 * math.sin(math.pi * x) + 40 * math.sin(math.pi * x / 3)) * 2 / 3
    east += (150 * math.sin(math.pi * x / 12) + 300 * math.sin(math.pi * x / 30)) * 2 / 3
    latitude = math.radians(point.lat)
    curve = 1 - _KRASOVSKY_EE * math.sin(latitude) ** 2
    per_lat = math.radians(_KRASOVSKY_A * (1 - _KRASOVSKY_EE) / (curve * math.sqrt(curve)))
    per_lon = math.radians(_KRASOVSKY_A / math.sqrt(curve) * math.cos(latitude))
    return Point(point.lon + east / per_lon, point.lat + north / per_lat)


def _to_bd09(point: Point) -> Point:
    """GCJ-02 → BD-09."""
    radius = math.hypot(point.lon, point.lat) + 0.00002 * math.sin(point.lat * _BAIDU_TURN)
    angle = math.atan2(point.lat, point.lon) + 0.000003 * math.cos(point.lon * _BAIDU_TURN)
    return Point(radius * math.cos(angle) + _BAIDU_LON, radius * math.sin(angle) + _BAIDU_LAT)


def _validate_provider(value: str) -> str:
    if value in IP_PROVIDERS:
        raise ValueError("IP 地址推算的位置不能作为定位, 请打开定位后重试")
    if not re.fullmatch(_PROVIDER_PATTERN, value):
        raise ValueError("定位来源须为小写英文标识, 如 gps、network、wifi、lbs")
    return value


def _exclude_null_island(schema: dict[str, Any]) -> None:
    zero = {"exclusiveMinimum": -NULL_ISLAND_DEG, "exclusiveMaximum": NULL_ISLAND_DEG}
    schema["not"] = {"properties": {"lon": zero, "lat": zero}, "required": ["lon", "lat"]}


Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False, description="经度, 度")]
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False, description="纬度, 度")]
Metres = Annotated[float, Field(strict=True, ge=0, le=100_000, allow_inf_nan=False)]
Provider = Annotated[
    str,
    AfterValidator(_validate_provider),
    WithJsonSchema({"type": "string", "pattern": _PROVIDER_PATTERN, "examples": ["gps"]}),
]


class Place(RequestBody):
    """位置: coordinates with their datum; `0,0` is refused, because phones without a fix send it."""

    model_config = ConfigDict(frozen=True, json_schema_extra=_exclude_null_island)

    lon: Longitude
    lat: Latitude
    datum: Datum = Field(description="坐标系, 必填")

    @model_validator(mode="after")
    def _reject_null_island(self) -> "Place":
        if abs(self.lon) < NULL_ISLAND_DEG and abs(self.lat) < NULL_ISLAND_DEG:
            raise ValueError("坐标 0,0 不是有效位置, 请重新定位")
        return self

    def to_wgs84(self) -> Point:
        """The point in WGS-84, as it is stored."""
        return to_wgs84(self.lon, self.lat, self.datum)


def _clear_invalid_accuracy(accuracy: Any) -> Any:  # noqa: ANN401 - whatever came
    """Unknown for a negative accuracy: iOS reports an invalid one so."""
    is_number = isinstance(accuracy, int | float) and not isinstance(accuracy, bool)
    return None if is_number and accuracy < 0 else accuracy


class Fix(Place):
    """定位: a position measured by a device, with accuracy and provider; evidence, not proof."""

    accuracy_m: Annotated[Metres | None, BeforeValidator(_clear_invalid_accuracy)] = Field(
        None, description="定位精度, 米; 负数(苹果手机无效定位)按未知"
    )
    provider: Provider | None = Field(None, description="定位来源, 如 gps、network、wifi、lbs; IP 定位不接受")
    taken_at: AwareDatetime | None = Field(None, description="定位时间, 带时区")
