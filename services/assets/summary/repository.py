"""Reading the running totals, and what they are kept by."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.assets.register.lifecycle import COUNTED_STATES, AssetState
from services.assets.register.models import Asset, ProjectSnapshot
from services.assets.summary.models import AssetDelta, AssetTotal, ProjectDelta, ProjectTotal
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.records import TotalSpec
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

ASSET_DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
ASSET_TOTALS: sa.Table = AssetTotal.__table__  # type: ignore[attr-defined]
TOTAL_KEYS = ("year", "asset_class", "owner_kind", "state", "use")
ACCEPTED_PROJECTS: sa.Table = ProjectSnapshot.__table__  # type: ignore[attr-defined]


def _region_places(*names: str) -> Callable[[sa.Row[Any]], Iterable[tuple[Any, ...]]]:
    """A difference counts in its region and every region above it, under these columns."""
    return lambda row: (
        (region, *(getattr(row, name) for name in names)) for region in ancestor_codes(row.region)
    )


ASSET_TOTAL_SPEC = TotalSpec(
    ASSET_DELTAS, ASSET_TOTALS, ("region", *TOTAL_KEYS), ("number", "value"), _region_places(*TOTAL_KEYS)
)
PROJECT_TOTAL_SPEC = TotalSpec(
    ProjectDelta.__table__,  # type: ignore[attr-defined]
    ProjectTotal.__table__,  # type: ignore[attr-defined]
    ("region", "year"),
    ("number", "settled", "registered"),
    _region_places("year"),
)


async def sum_asset_totals(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """(class, owner, state, use, number, value) of a region the caller sees whole: folded and not yet folded."""
    parts = [
        sa.select(
            *(ASSET_TOTALS.c[key] for key in TOTAL_KEYS), ASSET_TOTALS.c.number, ASSET_TOTALS.c.value
        ).where(
            ASSET_TOTALS.c.region == region, work.actor.scope_filter(May.ASSET_READ, ASSET_TOTALS.c.region)
        ),
        sa.select(
            *(ASSET_DELTAS.c[key] for key in TOTAL_KEYS), ASSET_DELTAS.c.number, ASSET_DELTAS.c.value
        ).where(
            ASSET_DELTAS.c.region.between(*region_bounds(region)),
            work.actor.scope_filter(May.ASSET_READ, ASSET_DELTAS.c.region),
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
    return [row for row in await execute_core(work.session, query) if row.number]


async def sum_project_totals(work: UnitOfWork, region: str, year: int | None) -> tuple[int, int, int]:
    """(accepted projects, settled cost, value registered for them) of a region the caller sees whole, in 分."""
    parts = [
        sa.select(table.c.year, *(table.c[name] for name in PROJECT_TOTAL_SPEC.measures)).where(
            where, work.actor.scope_filter(May.ASSET_READ, table.c.region)
        )
        for table, where in (
            (PROJECT_TOTAL_SPEC.totals, PROJECT_TOTAL_SPEC.totals.c.region == region),
            (PROJECT_TOTAL_SPEC.deltas, PROJECT_TOTAL_SPEC.deltas.c.region.between(*region_bounds(region))),
        )
    ]
    one = sa.union_all(*parts).subquery()
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(one.c[name]), 0), sa.BigInteger)
        for name in PROJECT_TOTAL_SPEC.measures
    ]
    query = sa.select(*sums)
    found = await execute_core(work.session, query if year is None else query.where(one.c.year == year))
    number, settled, registered = (int(value) for value in found.one())
    return number, settled, registered


def system_insert_registered_delta(project_id: UUID, change: int) -> sa.Insert:
    """The statement that notes what more is registered for a project, when it is accepted already."""
    accepted = sa.select(
        ACCEPTED_PROJECTS.c.region,
        sa.extract("year", ACCEPTED_PROJECTS.c.accepted_on),
        sa.literal(0),
        sa.literal(0),
        sa.literal(change, sa.BigInteger()),
    ).where(ACCEPTED_PROJECTS.c.id == project_id, ACCEPTED_PROJECTS.c.accepted_on.is_not(None))
    return PROJECT_TOTAL_SPEC.deltas.insert().from_select(
        ["region", "year", *PROJECT_TOTAL_SPEC.measures], accepted
    )


ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
PROJECTS: sa.Table = ProjectSnapshot.__table__  # type: ignore[attr-defined]


async def sum_coverage(work: UnitOfWork, project_id: UUID) -> dict[str, int]:
    """Counts and registered value of a project's assets in the caller's regions, in one statement."""
    counted = ASSETS.c.state.in_(COUNTED_STATES)
    query = sa.select(
        sa.func.count().filter(ASSETS.c.state == AssetState.DRAFT).label("drafts"),
        sa.func.count().filter(counted).label("registered"),
        sa.func.count().filter(ASSETS.c.state == AssetState.HANDED_OVER).label("handed_over"),
        sa.cast(
            sa.func.coalesce(sa.func.sum(ASSETS.c.original_value).filter(counted), 0), sa.BigInteger
        ).label("registered_value"),
    ).where(ASSETS.c.project_id == project_id, work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region))
    row = (await execute_core(work.session, query)).one()
    return {name: int(value) for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's public name


async def sum_assets_by_column(
    work: UnitOfWork, region: str, year: int | None, column: str
) -> list[tuple[str, int, int]]:
    """(value of the column, count, original value in 分) of the registered assets of a region."""
    by = ASSETS.c[column]
    query = (
        sa.select(
            by.label("key"),
            sa.func.count().label("number"),
            sa.cast(sa.func.coalesce(sa.func.sum(ASSETS.c.original_value), 0), sa.BigInteger).label("value"),
        )
        .where(
            work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
            ASSETS.c.region.between(*region_bounds(region)),
            ASSETS.c.state.in_(COUNTED_STATES),
        )
        .group_by(by)
    )
    if year is not None:
        query = query.where(ASSETS.c.year == year)
    return [
        (str(row.key), int(row.number), int(row.value)) for row in await execute_core(work.session, query)
    ]


async def sum_settled_projects(work: UnitOfWork, region: str, year: int | None) -> tuple[int, int, int]:
    """(projects accepted, their settled cost, original value registered for them) of a region, in 分."""
    query = sa.select(PROJECTS.c.settled, PROJECTS.c.registered).where(
        work.actor.scope_filter(May.ASSET_READ, PROJECTS.c.region),
        PROJECTS.c.region.between(*region_bounds(region)),
        PROJECTS.c.accepted_on.is_not(None),
    )
    if year is not None:
        query = query.where(PROJECTS.c.accepted_on.between(date(year, 1, 1), date(year, 12, 31)))
    one = query.subquery()
    sums = sa.select(
        sa.func.count().label("number"),
        sa.cast(sa.func.coalesce(sa.func.sum(one.c.settled), 0), sa.BigInteger).label("settled"),
        sa.cast(sa.func.coalesce(sa.func.sum(one.c.registered), 0), sa.BigInteger).label("registered"),
    )
    row = (await execute_core(work.session, sums)).one()
    return int(row.number), int(row.settled), int(row.registered)
