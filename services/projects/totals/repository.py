"""Reading the running totals, and what they are kept by."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import sqlalchemy as sa

from services.projects.totals.counting import FIGURES, KEYS
from services.projects.totals.levels import below
from services.projects.totals.models import ProjectDelta, ProjectTotal
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.rules import lineage
from shared.totals import Kept
from shared.work import Work

DELTAS: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
TOTALS: sa.Table = ProjectTotal.__table__  # type: ignore[attr-defined]
ALL_YEARS = 0
"""The year under which totals of all years are kept."""


def _places(row: sa.Row[Any]) -> Iterable[tuple[Any, ...]]:
    """A project counts at its own region, and below each region above it; in its year, and in all years."""
    regions = lineage(row.region)
    pairs = [(row.region, row.region), *zip(regions[1:], regions, strict=False)]
    return ((*pair, year, row.stage, row.category) for pair, year in product(pairs, (row.year, ALL_YEARS)))


KEPT = Kept(DELTAS, TOTALS, ("parent", "region", *KEYS), FIGURES, _places)


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
