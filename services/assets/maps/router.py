"""The map over HTTP."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.assets.maps import repository
from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import AssetState, UseState
from shared.errors import BadRequest
from shared.http import Reading, Route, allows
from shared.money import yuan
from shared.permissions import May
from shared.places import Datum, from_wgs84

router = APIRouter(prefix="/assets", tags=["资产地图"], route_class=Route)
EAST = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
NORTH = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]


class Feature(BaseModel):
    """一项资产: a point or its outline."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: dict[str, Any]
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """GeoJSON. Coordinates are in the datum that was asked for, WGS-84 unless said otherwise."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    datum: Datum
    more: bool = Field(description="范围内还有更多, 请放大地图")
    features: list[Feature]


class Bounds(BaseModel):
    """一个地区全部资产的范围, WGS-84; 没有坐标时各项为空."""

    west: float | None
    south: float | None
    east: float | None
    north: float | None


@router.get("/map", response_model=FeatureCollection, **allows(May.ASSET_READ, refuses=(BadRequest,)))
async def read_map(
    work: Reading,
    west: EAST,
    south: NORTH,
    east: EAST,
    north: NORTH,
    asset_class: AssetClass | None = None,
    use: UseState | None = None,
    state: AssetState | None = None,
    datum: Annotated[Datum, Query(description="以哪种坐标系返回, 供高德、腾讯、百度底图使用")] = Datum.WGS84,
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> FeatureCollection:
    """范围内的资产(GeoJSON)."""
    if west > east or south > north:
        raise BadRequest("地图范围的西、南须小于东、北", "west, south must not exceed east, north")
    rows = await repository.within(
        work, (west, south, east, north), limit + 1, asset_class=asset_class, use=use, state=state
    )
    return FeatureCollection.model_construct(
        datum=datum, more=len(rows) > limit, features=[_feature(row, datum) for row in rows[:limit]]
    )


@router.get("/map/bounds", response_model=Bounds, **allows(May.ASSET_READ))
async def read_bounds(work: Reading, region: Annotated[str, Query(pattern=r"^[0-9]{12}$")]) -> Bounds:
    """一个地区全部资产的范围, 供地图初始定位."""
    west, south, east, north = await repository.bounds(work, region) or (None, None, None, None)
    return Bounds(west=west, south=south, east=east, north=north)


def _feature(row: Any, datum: Datum) -> Feature:  # noqa: ANN401 - a row
    outline = row.outline
    geometry: dict[str, Any]
    if outline and outline["kind"] == "polygon":
        rings = [[list(from_wgs84(x, y, datum)) for x, y in ring] for ring in outline["coordinates"]]
        geometry = {"type": "Polygon", "coordinates": rings}
    else:
        geometry = {"type": "Point", "coordinates": list(from_wgs84(row.lon, row.lat, datum))}
    properties = {
        "code": row.code,
        "name": row.name,
        "asset_class": row.asset_class,
        "state": row.state,
        "use": row.use,
        "original_value": yuan(row.original_value),
        "radius_m": outline["radius_m"] if outline and outline["kind"] == "circle" else None,
    }
    return Feature.model_construct(type="Feature", id=row.id, geometry=geometry, properties=properties)
