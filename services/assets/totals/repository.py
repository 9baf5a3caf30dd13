"""Reading and folding the running totals."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.assets.totals.models import AssetDelta, AssetTotal
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work

DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
TOTALS: sa.Table = AssetTotal.__table__  # type: ignore[attr-defined]
KEYS = ("year", "asset_class", "owner_kind", "state", "use")
BATCH = 20_000


async def figures(work: Work, region: str, year: int | None) -> list[sa.Row[Any]]:
    """(class, owner, state, use, number, value) of a region the caller sees whole: folded and not yet folded."""
    parts = [
        sa.select(*(TOTALS.c[key] for key in KEYS), TOTALS.c.number, TOTALS.c.value).where(
            TOTALS.c.region == region, work.actor.where(May.ASSET_READ, TOTALS.c.region)
        ),
        sa.select(*(DELTAS.c[key] for key in KEYS), DELTAS.c.number, DELTAS.c.value).where(
            DELTAS.c.region.between(*span(region)), work.actor.where(May.ASSET_READ, DELTAS.c.region)
        ),
    ]
    if year is not None:
        parts = [one.where(one.selected_columns.year == year) for one in parts]
    one = sa.union_all(*parts).subquery()
    query = sa.select(
        one.c.asset_class,
        one.c.owner_kind,
        one.c.state,
        one.c.use,
        sa.cast(sa.func.sum(one.c.number), sa.BigInteger).label("number"),
        sa.cast(sa.func.sum(one.c.value), sa.BigInteger).label("value"),
    ).group_by(one.c.asset_class, one.c.owner_kind, one.c.state, one.c.use)
    return [row for row in await run(work.session, query) if row.number]


async def system_fold(work: Work) -> int:
    """Add the oldest changes to the totals of their region and all above it, and drop them; how many there were.

    The rows are taken away in the same statement order everywhere and by one folder at a time.
    """
    oldest = sa.select(DELTAS.c.id).order_by(DELTAS.c.id).limit(BATCH).with_for_update(skip_locked=True)
    gone = DELTAS.delete().where(DELTAS.c.id.in_(oldest.scalar_subquery())).returning(*DELTAS.c)
    rows = list(await run(work.session, gone))
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        for region in lineage(row.region):
            kept = sums.setdefault((region, *(getattr(row, key) for key in KEYS)), [0, 0])
            kept[0] += row.number
            kept[1] += row.value
    insert: Any = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(TOTALS)
    statement = statement.on_conflict_do_update(
        index_elements=["region", *KEYS],
        set_={
            "number": TOTALS.c.number + statement.excluded.number,
            "value": TOTALS.c.value + statement.excluded.value,
        },
    )
    values = [
        {**dict(zip(("region", *KEYS), key, strict=True)), "number": sums[key][0], "value": sums[key][1]}
        for key in sorted(sums)
    ]
    if values:
        await run(work.session, statement, values)
    return len(rows)
