"""Every query about imports that is not one record or one page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.imports.kinds import Channel, PunchState
from services.attendance.imports.models import External, Punch
from shared.access import span
from shared.cursors import insert_once
from shared.db import run
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Punch.__table__  # type: ignore[attr-defined]
SOME = 500
# fmt: off
WHERE = frozenset((
    "userLatitude", "userLongitude", "userAccuracy", "userAddress", "userSsid", "userMacAddr",
    "baseLatitude", "baseLongitude", "baseAddress", "baseSsid", "baseMacAddr", "photoUrl", "latitude",
    "longitude", "place", "detailPlace", "imageList", "lat", "lng", "location_title", "location_detail",
    "wifiname", "wifimac", "mediaids",
))
# fmt: on
"""Fields of DingTalk's and WeCom's records that say where somebody was."""


async def persons(work: Work, channel: Channel, externals: Sequence[str]) -> dict[str, External]:
    """Who these accounts of another system are, within what the caller may import for."""
    query = select(External).where(
        External.channel == channel,
        col(External.external).in_(externals),
        work.actor.where(May.PRESENCE_IMPORT, col(External.region)),
    )
    return {one.external: one for one in await work.session.exec(query)}


async def externals(work: Work, channel: Channel, region: str) -> list[str]:
    """Every account of another system in a region, for asking about them."""
    query = select(External.external).where(
        External.channel == channel,
        col(External.region).between(*span(region)),
        work.actor.where(May.PRESENCE_IMPORT, col(External.region)),
    )
    return list(await work.session.exec(query.order_by(col(External.external)).limit(10_000)))


async def keep(work: Work, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep punches that were not kept before, in the work's transaction; the ids of the new ones."""
    fresh: set[UUID] = set()
    for start in range(0, len(rows), SOME):
        statement = insert_once(work.session, TABLE, list(rows[start : start + SOME]))
        fresh |= set((await run(work.session, statement)).scalars())
    return fresh


async def unmatched(work: Work, channel: Channel, external: str) -> list[Punch]:
    """Punches that waited for this account to be known."""
    query = select(Punch).where(
        Punch.channel == channel,
        Punch.external == external,
        Punch.state == PunchState.UNMATCHED,
        work.actor.where(May.PRESENCE_IMPORT, col(Punch.region)),
    )
    return list(await work.session.exec(query.limit(5000)))


async def system_coarsen(session: AsyncSession, region: tuple[str, str], before: datetime, limit: int) -> int:
    """Take places, addresses and networks out of the raw records of other systems from before an instant; how many."""
    query = select(Punch).where(
        col(Punch.coarse).is_(False), col(Punch.punched_at) < before, col(Punch.region).between(*region)
    )
    rows = list(await session.exec(query.order_by(col(Punch.punched_at)).limit(limit)))
    for row in rows:
        row.raw = {name: value for name, value in row.raw.items() if name not in WHERE}
        row.coarse = True
        session.add(row)
    await session.flush()
    return len(rows)
