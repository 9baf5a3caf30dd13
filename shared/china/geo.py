"""Where something is: datums and their conversion, input models for places and fixes, distances in metres.

Everything is stored as WGS-84 with the raw value beside it. In the first district the same point lies 155 to 180 m
apart in WGS-84 and GCJ-02 and about 1,000 m apart in WGS-84 and BD-09, so a mix-up moves people across fences.
"""

import math
import re
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from shared.china.labels import LabelledEnum

EARTH_RADIUS_M = 6_371_008.8
CHINA_BOUNDS = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of the box in which the public GCJ-02 formula applies an offset."""
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
    """Coordinate reference (坐标系): GPS chips, browsers; 高德 and 腾讯 maps; 百度 maps."""

    WGS84 = "wgs84", "WGS-84(GPS)"
    GCJ02 = "gcj02", "GCJ-02(高德、腾讯)"
    BD09 = "bd09", "BD-09(百度)"


class Point(NamedTuple):
    """Degrees east and north."""

    lon: float
    lat: float


def to_wgs84(lon: float, lat: float, datum: Datum) -> Point:
    """The same place in WGS-84, to better than a centimetre. Outside China's box nothing is offset."""
    if datum is Datum.WGS84:
        return Point(lon, lat)
    given = found = Point(lon, lat)
    if not _is_in_china_bounds(given, beyond=1):  # the formula runs away near the poles
        return given
    for _ in range(_MAX_ITERATIONS):
        there = _apply_offset(found, datum)
        found = Point(found.lon + lon - there.lon, found.lat + lat - there.lat)
        if abs(lon - there.lon) + abs(lat - there.lat) < _CONVERGENCE_DEG:
            break
    return found if _is_in_china_bounds(found) else given


def from_wgs84(lon: float, lat: float, datum: Datum) -> Point:
    """A WGS-84 place as a map with that datum draws it."""
    given = Point(lon, lat)
    if datum is Datum.WGS84 or not _is_in_china_bounds(given):
        return given
    return _apply_offset(given, datum)


def haversine_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance over ground between two (lon, lat) in the same datum (haversine, mean Earth radius)."""
    south, north = math.radians(a[1]), math.radians(b[1])
    across = math.sin(math.radians(b[0] - a[0]) / 2)
    along = math.sin((north - south) / 2)
    return (
        2
        * EARTH_RADIUS_M
        * math.asin(min(1.0, math.sqrt(along * along + math.cos(south) * math.cos(north) * across * across)))
    )


def bounding_box(lon: float, lat: float, radius_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north that hold every point within the radius, for an indexed first filter.

    Reaching a pole or the date line, it widens to all longitudes.
    """
    up = math.degrees(radius_m / EARTH_RADIUS_M)
    south, north = lat - up, lat + up
    if south <= -90 or north >= 90:  # noqa: PLR2004 - the poles
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    wide = math.degrees(math.asin(min(1.0, math.sin(math.radians(up)) / math.cos(math.radians(lat)))))
    west, east = lon - wide, lon + wide
    if west < -180 or east > 180:  # noqa: PLR2004 - the date line
        west, east = -180.0, 180.0
    return west, south, east, north


def coarsen_location(lon: float, lat: float, places: int = 2) -> Point:
    """A place with its detail taken away, for records past their retention: two decimals are about a kilometre."""
    return Point(round(lon, places), round(lat, places))


def _is_in_china_bounds(point: Point, beyond: float = 0) -> bool:
    west, south, east, north = CHINA_BOUNDS
    return west - beyond <= point.lon <= east + beyond and south - beyond <= point.lat <= north + beyond


def _apply_offset(point: Point, datum: Datum) -> Point:
    shifted = _to_gcj02(point)
    return shifted if datum is Datum.GCJ02 else _to_bd09(shifted)


def _to_gcj02(point: Point) -> Point:
    """WGS-84 → GCJ-02 by the formula in public use since 2013 (eviltransform, prcoords); the official one is secret."""
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
    reach = math.hypot(point.lon, point.lat) + 0.00002 * math.sin(point.lat * _BAIDU_TURN)
    angle = math.atan2(point.lat, point.lon) + 0.000003 * math.cos(point.lon * _BAIDU_TURN)
    return Point(reach * math.cos(angle) + _BAIDU_LON, reach * math.sin(angle) + _BAIDU_LAT)


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


class Place(BaseModel):
    """位置: a point with the datum it was given in; `0,0` is refused, since it is what a phone without a fix sends."""

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
        """The place as it is stored."""
        return to_wgs84(self.lon, self.lat, self.datum)


class Fix(Place):
    """定位: a place a device measured, with what it said about it. Evidence, never a truth."""

    accuracy_m: Metres | None = Field(None, description="定位精度, 米")
    provider: Provider | None = Field(None, description="定位来源, 如 gps、network、wifi、lbs; IP 定位不接受")
    taken_at: AwareDatetime | None = Field(None, description="定位时间, 带时区")
