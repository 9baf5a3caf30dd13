"""Assets in a box."""

from typing import Any

import sqlalchemy as sa

from services.assets.register.lifecycle import AssetState
from services.assets.register.models import Asset
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Asset.__table__  # type: ignore[attr-defined]
GONE = (AssetState.DISCARDED, AssetState.SUPERSEDED)


async def within(
    work: Work,
    box: tuple[float, float, float, float],
    limit: int,
    **equal: Any,  # noqa: ANN401 - values of columns
) -> list[sa.Row[Any]]:
    """The assets of the caller's regions in a box (west, south, east, north), from the south, at most `limit`."""
    west, south, east, north = box
    columns = [
        TABLE.c[name]
        for name in (
            "id",
            "code",
            "name",
            "asset_class",
            "state",
            "use",
            "original_value",
            "lon",
            "lat",
            "outline",
        )
    ]
    query = sa.select(*columns).where(
        TABLE.c.lat.between(south, north),
        TABLE.c.lon.between(west, east),
        TABLE.c.state.not_in(GONE),
        work.actor.where(May.ASSET_READ, TABLE.c.region),
    )
    for name, value in equal.items():
        if value is not None:
            query = query.where(TABLE.c[name] == value)
    return list(await run(work.session, query.order_by(TABLE.c.lat, TABLE.c.id).limit(limit)))


async def bounds(work: Work, region: str) -> tuple[float, float, float, float] | None:
    """The box around all assets of a region; None when none has a place."""
    query = sa.select(
        sa.func.min(TABLE.c.lon), sa.func.min(TABLE.c.lat), sa.func.max(TABLE.c.lon), sa.func.max(TABLE.c.lat)
    ).where(
        work.actor.where(May.ASSET_READ, TABLE.c.region),
        TABLE.c.region.between(*span(region)),
        TABLE.c.lon.is_not(None),
        TABLE.c.state.not_in(GONE),
    )
    found = tuple((await run(work.session, query)).one())
    return None if None in found else (float(found[0]), float(found[1]), float(found[2]), float(found[3]))
