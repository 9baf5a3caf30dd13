"""Every sum over assets, in SQL."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa

from services.assets.register.lifecycle import COUNTED, AssetState
from services.assets.register.models import Asset, ProjectCard
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Asset.__table__  # type: ignore[attr-defined]
CARDS: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]


async def coverage(work: Work, project_id: UUID) -> dict[str, int]:
    """Counts and registered value of a project's assets in the caller's regions, in one statement."""
    counted = TABLE.c.state.in_(COUNTED)
    query = sa.select(
        sa.func.count().filter(TABLE.c.state == AssetState.DRAFT).label("drafts"),
        sa.func.count().filter(counted).label("registered"),
        sa.func.count().filter(TABLE.c.state == AssetState.HANDED_OVER).label("handed_over"),
        sa.cast(
            sa.func.coalesce(sa.func.sum(TABLE.c.original_value).filter(counted), 0), sa.BigInteger
        ).label("registered_value"),
    ).where(TABLE.c.project_id == project_id, work.actor.where(May.ASSET_READ, TABLE.c.region))
    row = (await run(work.session, query)).one()
    return {name: int(value) for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's public name


async def figures(work: Work, region: str, year: int | None, column: str) -> list[tuple[str, int, int]]:
    """(value of the column, count, original value in 分) of the registered assets of a region."""
    by = TABLE.c[column]
    query = (
        sa.select(
            by.label("key"),
            sa.func.count().label("number"),
            sa.cast(sa.func.coalesce(sa.func.sum(TABLE.c.original_value), 0), sa.BigInteger).label("value"),
        )
        .where(
            work.actor.where(May.ASSET_READ, TABLE.c.region),
            TABLE.c.region.between(*span(region)),
            TABLE.c.state.in_(COUNTED),
        )
        .group_by(by)
    )
    if year is not None:
        query = query.where(TABLE.c.year == year)
    return [(str(row.key), int(row.number), int(row.value)) for row in await run(work.session, query)]


async def settled(work: Work, region: str, year: int | None) -> tuple[int, int, int]:
    """(projects accepted, their settled cost, original value registered for them) of a region, in 分."""
    query = sa.select(CARDS.c.settled, CARDS.c.registered).where(
        work.actor.where(May.ASSET_READ, CARDS.c.region),
        CARDS.c.region.between(*span(region)),
        CARDS.c.accepted_on.is_not(None),
    )
    if year is not None:
        query = query.where(CARDS.c.accepted_on.between(date(year, 1, 1), date(year, 12, 31)))
    one = query.subquery()
    sums = sa.select(
        sa.func.count().label("number"),
        sa.cast(sa.func.coalesce(sa.func.sum(one.c.settled), 0), sa.BigInteger).label("settled"),
        sa.cast(sa.func.coalesce(sa.func.sum(one.c.registered), 0), sa.BigInteger).label("registered"),
    )
    row = (await run(work.session, sums)).one()
    return int(row.number), int(row.settled), int(row.registered)
