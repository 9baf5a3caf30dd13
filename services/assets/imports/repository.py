"""Whether the rows of a file are here already."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from services.assets.register.lifecycle import AssetState
from services.assets.register.models import Asset
from shared.db import run
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Asset.__table__  # type: ignore[attr-defined]
CHUNK = 500
Likeness = tuple[str, str, int, date | None]


async def alike(work: Work, wanted: Sequence[Likeness]) -> set[Likeness]:
    """Which (region, name, value, date) the register has already, within the caller's regions."""
    found: set[Likeness] = set()
    names = sorted({name for _, name, _, _ in wanted})
    columns = (TABLE.c.region, TABLE.c.name, TABLE.c.original_value, TABLE.c.built_on)
    for at in range(0, len(names), CHUNK):
        query = sa.select(*columns).where(
            TABLE.c.name.in_(names[at : at + CHUNK]),
            TABLE.c.state != AssetState.DISCARDED,
            work.actor.where(May.ASSET_READ, TABLE.c.region),
        )
        found |= {
            (row.region, row.name, int(row.original_value), row.built_on)
            for row in await run(work.session, query)
        }
    return found & set(wanted)
