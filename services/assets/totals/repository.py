"""Reading the running totals, and what they are kept by."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.assets.register.models import ProjectCard
from services.assets.totals.models import AssetDelta, AssetTotal, ProjectDelta, ProjectTotal
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.rules import lineage
from shared.totals import Kept
from shared.work import Work

DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
TOTALS: sa.Table = AssetTotal.__table__  # type: ignore[attr-defined]
KEYS = ("year", "asset_class", "owner_kind", "state", "use")
CARDS: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]


def _places(*names: str) -> Callable[[sa.Row[Any]], Iterable[tuple[Any, ...]]]:
    """A difference counts in its region and every region above it, under these columns."""
    return lambda row: ((region, *(getattr(row, name) for name in names)) for region in lineage(row.region))


ASSET = Kept(DELTAS, TOTALS, ("region", *KEYS), ("number", "value"), _places(*KEYS))
PROJECT = Kept(
    ProjectDelta.__table__,  # type: ignore[attr-defined]
    ProjectTotal.__table__,  # type: ignore[attr-defined]
    ("region", "year"),
    ("number", "settled", "registered"),
    _places("year"),
)


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


async def projects(work: Work, region: str, year: int | None) -> tuple[int, int, int]:
    """(accepted projects, settled cost, value registered for them) of a region the caller sees whole, in 分."""
    parts = [
        sa.select(table.c.year, *(table.c[name] for name in PROJECT.measures)).where(
            where, work.actor.where(May.ASSET_READ, table.c.region)
        )
        for table, where in (
            (PROJECT.totals, PROJECT.totals.c.region == region),
            (PROJECT.deltas, PROJECT.deltas.c.region.between(*span(region))),
        )
    ]
    one = sa.union_all(*parts).subquery()
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(one.c[name]), 0), sa.BigInteger) for name in PROJECT.measures
    ]
    query = sa.select(*sums)
    found = await run(work.session, query if year is None else query.where(one.c.year == year))
    number, settled, registered = (int(value) for value in found.one())
    return number, settled, registered


def system_registered_more(project_id: UUID, change: int) -> sa.Insert:
    """The statement that notes what more is registered for a project, when it is accepted already."""
    accepted = sa.select(
        CARDS.c.region,
        sa.extract("year", CARDS.c.accepted_on),
        sa.literal(0),
        sa.literal(0),
        sa.literal(change, sa.BigInteger()),
    ).where(CARDS.c.id == project_id, CARDS.c.accepted_on.is_not(None))
    return PROJECT.deltas.insert().from_select(["region", "year", *PROJECT.measures], accepted)
