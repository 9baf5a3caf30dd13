"""Geofences: circles and polygons in WGS-84, and the evaluation of a fix with its accuracy.

fence = fence_in.to_fence()                  # a validated input model, any datum → WGS-84
row.fence = fence_to_json(fence)             # stored as JSON
evaluate_fences([fence_from_json(row.fence)], fix.to_wgs84(), fix.accuracy_m)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, model_validator

from shared.china.geo import EARTH_RADIUS_M, Datum, Latitude, Longitude, Place, Point, haversine_m, to_wgs84
from shared.china.labels import LabelledEnum
from shared.request_body import RequestBody

MAX_VERTICES = 2_000
HALF_TURN_DEG = 180
MIN_AREA_M2 = 1.0
DEFAULT_ACCURACY_M = 100.0
"""Accuracy in metres assumed for a fix without one; rules of the district may set another."""
GEOMETRY_ERRORS = {
    "Self-intersection": "边界自相交",
    "Ring Self-intersection": "边界自相交",
    "Hole lies outside shell": "洞在边界之外",
    "Holes are nested": "洞与洞嵌套",
    "Interior is disconnected": "洞把围栏切成了几块",
    "Too few points in geometry component": "顶点太少",
}


class FencePosition(LabelledEnum):
    """Position of a fix relative to a fence; unsure (无法确定) when its accuracy circle crosses the edge."""

    INSIDE = "inside", "围栏内"
    OUTSIDE = "outside", "围栏外"
    UNSURE = "unsure", "无法确定"


@dataclass(frozen=True, slots=True)
class Circle:
    """A centre in WGS-84 and a radius in metres."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """Closed rings of WGS-84 points: the boundary first, then the holes."""

    rings: tuple[tuple[Point, ...], ...]


Fence = Circle | Polygon


@dataclass(frozen=True, slots=True)
class FenceVerdict:
    """Result for the best-matching fence.

    `distance_m`: 0 inside, else metres to the nearest edge. `margin_m`: metres between accuracy circle and edge,
    negative when the circle crosses it. `fence`: index of the fence in the input.
    """

    kind: FencePosition
    distance_m: float
    margin_m: float
    fence: int


class CircleIn(Place):
    """圆形围栏: centre with datum, radius in metres."""

    kind: Literal["circle"] = Field(description="圆形")
    radius_m: float = Field(strict=True, ge=10, le=50_000, allow_inf_nan=False, description="半径, 米")

    def to_fence(self) -> Circle:
        """The circle in WGS-84."""
        return Circle(*self.to_wgs84(), self.radius_m)


Position = tuple[Longitude, Latitude]
Ring = Annotated[list[Position], Field(min_length=4, max_length=MAX_VERTICES)]


class PolygonIn(RequestBody):
    """多边形围栏: the `coordinates` of a GeoJSON polygon (the boundary, then the holes), with its datum."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["polygon"] = Field(description="多边形")
    datum: Datum = Field(description="坐标系, 必填")
    coordinates: list[Ring] = Field(min_length=1, max_length=50, description="GeoJSON 多边形坐标, 首尾相同")

    @model_validator(mode="after")
    def _validate_coordinates(self) -> "PolygonIn":
        validate_rings(self.coordinates)
        return self

    def to_fence(self) -> Polygon:
        """The polygon in WGS-84."""
        return Polygon(tuple(tuple(to_wgs84(x, y, self.datum) for x, y in ring) for ring in self.coordinates))


FenceIn = Annotated[CircleIn | PolygonIn, Field(discriminator="kind")]


def polygons_from_geojson(shape: Mapping[str, Any], datum: Datum) -> list[Polygon]:
    """The polygons of a GeoJSON Polygon, MultiPolygon, Feature or FeatureCollection, in WGS-84.

    Raises ValueError (or its subclass ValidationError) with a Chinese message for other types and invalid geometry.
    """
    match shape.get("type"):
        case "FeatureCollection":
            parts = shape.get("features") or [{}]
            return [
                polygon
                for part in parts
                for polygon in polygons_from_geojson(part if isinstance(part, Mapping) else {}, datum)
            ]
        case "Feature":
            return polygons_from_geojson(shape.get("geometry") or {}, datum)
        case "Polygon":
            areas: Any = [shape.get("coordinates")]
        case "MultiPolygon":
            areas = shape.get("coordinates") or []
        case other:
            raise ValueError(f"围栏须为多边形 (Polygon 或 MultiPolygon), 收到 {other!r}")
    # Positions may contain an altitude and more values, which do not matter here.
    try:
        flat = [[[tuple(position[:2]) for position in ring] for ring in area] for area in areas]
    except TypeError:
        raise ValueError("围栏坐标的层次不对, 须为 GeoJSON 多边形") from None
    return [PolygonIn(kind="polygon", datum=datum, coordinates=cast("Any", area)).to_fence() for area in flat]


def validate_rings(rings: Sequence[Sequence[tuple[float, float]]]) -> None:
    """Raise ValueError unless the rings are closed, simple, properly nested and do not cross the date line."""
    if sum(map(len, rings)) > MAX_VERTICES:
        raise ValueError(f"围栏顶点不能超过 {MAX_VERTICES} 个, 请先简化边界")
    for ring in rings:
        if ring[0] != ring[-1]:
            raise ValueError("围栏边界没有闭合, 首尾两点须相同")
    longitudes = [x for ring in rings for x, _ in ring]
    if max(longitudes) - min(longitudes) > HALF_TURN_DEG:
        raise ValueError("围栏不能跨越180度经线")
    import shapely  # type: ignore[import-untyped]

    area = shapely.Polygon(rings[0], rings[1:])
    reason = shapely.is_valid_reason(area)
    if reason != "Valid Geometry":
        problem, _, location = reason.partition("[")
        suffix = f", 位置 {location.rstrip(']').replace(' ', ', ')}" if location else ""
        raise ValueError(f"围栏{GEOMETRY_ERRORS.get(problem.strip(), '边界无效')}{suffix}")
    if area.area * math.radians(EARTH_RADIUS_M) ** 2 * math.cos(math.radians(rings[0][0][1])) < MIN_AREA_M2:
        raise ValueError("围栏面积不足一平方米, 请检查坐标")


def fence_to_json(fence: Fence) -> dict[str, Any]:
    """The fence as JSON, for storage."""
    if isinstance(fence, Circle):
        return {"kind": "circle", "lon": fence.lon, "lat": fence.lat, "radius_m": fence.radius_m}
    return {"kind": "polygon", "coordinates": [[list(point) for point in ring] for ring in fence.rings]}


def fence_from_json(stored: Mapping[str, Any]) -> Fence:
    """The fence of stored JSON."""
    if stored["kind"] == "circle":
        return Circle(stored["lon"], stored["lat"], stored["radius_m"])
    return Polygon(tuple(tuple(Point(x, y) for x, y in ring) for ring in stored["coordinates"]))


def evaluate_fences(
    fences: Sequence[Fence],
    point: tuple[float, float],
    accuracy_m: float | None,
    *,
    unstated_m: float = DEFAULT_ACCURACY_M,
) -> FenceVerdict:
    """Evaluate a WGS-84 point with its accuracy against the best-matching fence; ValueError without fences.

    The result is inside or outside only if the whole accuracy circle is, else unsure. `unstated_m` replaces a missing
    accuracy.
    """
    if not fences:
        raise ValueError("没有围栏可供判断")
    accuracy = unstated_m if accuracy_m is None else accuracy_m
    return min(
        (_evaluate_fence(fence, point, accuracy, index) for index, fence in enumerate(fences)), key=_sort_key
    )


def _sort_key(verdict: FenceVerdict) -> tuple[int, float, float]:
    order = (FencePosition.INSIDE, FencePosition.UNSURE, FencePosition.OUTSIDE)
    return order.index(verdict.kind), verdict.distance_m, -verdict.margin_m


def _evaluate_fence(fence: Fence, point: tuple[float, float], accuracy: float, index: int) -> FenceVerdict:
    if isinstance(fence, Circle):
        distance = haversine_m((fence.lon, fence.lat), point)
        is_inside, edge = distance <= fence.radius_m, abs(distance - fence.radius_m)
    else:
        is_inside = _polygon_contains(fence, point)
        edge = min(_distance_to_segment_m(point, a, b) for ring in fence.rings for a, b in pairwise(ring))
    kind = (
        FencePosition.UNSURE
        if edge < accuracy
        else FencePosition.INSIDE
        if is_inside
        else FencePosition.OUTSIDE
    )
    return FenceVerdict(kind, 0.0 if is_inside else edge, edge - accuracy, index)


def _polygon_contains(fence: Polygon, point: tuple[float, float]) -> bool:
    """Whether a point is in the polygon, by the even-odd rule over all rings, which excludes holes."""
    x, y = point
    is_inside = False
    for ring in fence.rings:
        for (ax, ay), (bx, by) in pairwise(ring):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                is_inside = not is_inside
    return is_inside


def _distance_to_segment_m(point: tuple[float, float], a: Point, b: Point) -> float:
    """Distance in metres to an edge, in a plane projection at the edge's latitude."""
    north = math.radians(EARTH_RADIUS_M)
    east = north * math.cos(math.radians((a.lat + b.lat) / 2))
    dx, dy = (b.lon - a.lon) * east, (b.lat - a.lat) * north
    px, py = (point[0] - a.lon) * east, (point[1] - a.lat) * north
    length = dx * dx + dy * dy
    along = min(1.0, max(0.0, (px * dx + py * dy) / length)) if length else 0.0
    return haversine_m(point, (a.lon + (b.lon - a.lon) * along, a.lat + (b.lat - a.lat) * along))
