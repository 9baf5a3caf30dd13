"""Reading and folding the running totals."""

from itertools import product
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.projects.totals.counting import FIGURES, KEYS
from services.projects.totals.levels import below
from services.projects.totals.models import ProjectDelta, ProjectTotal
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work

DELTAS: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
TOTALS: sa.Table = ProjectTotal.__table__  # type: ignore[attr-defined]
BATCH = 20_000
ALL_YEARS = 0
"""The year under which totals of all years are kept."""


def whole(work: Work, region: str) -> bool:
    """Whether the caller sees a region whole, so that its totals are the caller's."""
    first, last = span(region)
    return any(low <= first and last <= high for _, low, high in work.actor.reaches(May.PROJECT_READ))


async def figures(work: Work, region: str, year: int | None) -> list[sa.Row[Any]]:
    """(head, stage, category, figures) of the regions right below one the caller sees whole, folded and not yet folded."""
    digits = below(region)
    kept = TOTALS.c.year == (ALL_YEARS if year is None else year)
    parts = [
        sa.select(
            sa.func.substr(TOTALS.c.region, 1, digits).label("head"),
            *(TOTALS.c[name] for name in (*KEYS, *FIGURES)),
        ).where(TOTALS.c.parent == region, kept, work.actor.where(May.PROJECT_READ, TOTALS.c.region)),
        sa.select(
            sa.func.substr(DELTAS.c.region, 1, digits).label("head"),
            *(DELTAS.c[name] for name in (*KEYS, *FIGURES)),
        ).where(DELTAS.c.region.between(*span(region)), work.actor.where(May.PROJECT_READ, DELTAS.c.region)),
    ]
    if year is not None:
        parts[1] = parts[1].where(DELTAS.c.year == year)
    one = sa.union_all(*parts).subquery().c
    query = sa.select(
        one.head,
        one.stage,
        one.category,
        *(sa.cast(sa.func.sum(one[name]), sa.BigInteger).label(name) for name in FIGURES),
    ).group_by(one.head, one.stage, one.category)
    rows = await run(work.session, query.order_by(one.head, one.stage, one.category))
    return [row for row in rows if row.number]


async def system_fold(work: Work) -> int:
    """Add the oldest changes to the totals of their region and all above it, and drop them; how many there were.

    The rows are taken away in the same statement order everywhere and by one folder at a time.
    """
    oldest = sa.select(DELTAS.c.id).order_by(DELTAS.c.id).limit(BATCH).with_for_update(skip_locked=True)
    gone = DELTAS.delete().where(DELTAS.c.id.in_(oldest.scalar_subquery())).returning(*DELTAS.c)
    rows = list(await run(work.session, gone))
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        regions = lineage(row.region)
        places = [(row.region, row.region), *zip(regions[1:], regions, strict=False)]
        for (parent, region), year in product(places, (row.year, ALL_YEARS)):
            kept = sums.setdefault((parent, region, year, row.stage, row.category), [0] * len(FIGURES))
            for at, name in enumerate(FIGURES):
                kept[at] += getattr(row, name)
    insert: Any = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(TOTALS)
    statement = statement.on_conflict_do_update(
        index_elements=["parent", "region", *KEYS],
        set_={name: TOTALS.c[name] + statement.excluded[name] for name in FIGURES},
    )
    values = [
        dict(zip(("parent", "region", *KEYS, *FIGURES), (*key, *sums[key]), strict=True))
        for key in sorted(sums)
    ]
    if values:
        await run(work.session, statement, values)
    return len(rows)
