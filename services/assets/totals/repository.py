"""Reading and folding the running totals."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.assets.register.models import ProjectCard
from services.assets.totals.models import AssetDelta, AssetTotal, ProjectDelta, ProjectTotal
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work

DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
TOTALS: sa.Table = AssetTotal.__table__  # type: ignore[attr-defined]
KEYS = ("year", "asset_class", "owner_kind", "state", "use")
CARDS: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]
BATCH = 20_000


@dataclass(frozen=True)
class Kept:
    """One kind of running total: where its changes lie, where they are folded, by what, and what is summed."""

    deltas: sa.Table
    totals: sa.Table
    keys: tuple[str, ...]
    measures: tuple[str, ...]


ASSET = Kept(DELTAS, TOTALS, KEYS, ("number", "value"))
PROJECT = Kept(
    ProjectDelta.__table__,  # type: ignore[attr-defined]
    ProjectTotal.__table__,  # type: ignore[attr-defined]
    ("year",),
    ("number", "settled", "registered"),
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


async def system_fold(work: Work) -> int:
    """Add the oldest changes to the totals of their region and all above it, and drop them; how many there were."""
    return await _fold(work, ASSET) + await _fold(work, PROJECT)


async def _fold(work: Work, kept: Kept) -> int:
    """The rows are taken away in the same statement order everywhere and by one folder at a time."""
    deltas, totals, keys = kept.deltas, kept.totals, ("region", *kept.keys)
    oldest = sa.select(deltas.c.id).order_by(deltas.c.id).limit(BATCH).with_for_update(skip_locked=True)
    gone = deltas.delete().where(deltas.c.id.in_(oldest.scalar_subquery())).returning(*deltas.c)
    rows = list(await run(work.session, gone))
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        for region in lineage(row.region):
            key = (region, *(getattr(row, name) for name in kept.keys))
            known = sums.setdefault(key, [0] * len(kept.measures))
            for at, name in enumerate(kept.measures):
                known[at] += getattr(row, name)
    insert: Any = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(totals)
    statement = statement.on_conflict_do_update(
        index_elements=list(keys),
        set_={name: totals.c[name] + statement.excluded[name] for name in kept.measures},
    )
    values = [
        dict(zip(keys, key, strict=True)) | dict(zip(kept.measures, sums[key], strict=True))
        for key in sorted(sums)
    ]
    if values:
        await run(work.session, statement, values)
    return len(rows)
