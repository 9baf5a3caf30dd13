"""Queries of sums, the running totals and their specifications."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.register.lifecycle import COUNTED_STATES, AssetState
from services.assets.register.models import Asset, CachedProject
from services.assets.summary.models import AssetDelta, AssetTotal, ProjectValueDelta, ProjectValueTotal
from services.assets.transfers.models import Transfer, TransferItem
from shared.auth import May
from shared.db import execute_core
from shared.records import TotalSpec
from shared.records.town_rates import town_head
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

ASSET_DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
ASSET_TOTALS: sa.Table = AssetTotal.__table__  # type: ignore[attr-defined]
ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
PROJECTS: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
TOTAL_KEYS = ("year", "asset_class", "owner_kind", "state", "use")


def _region_places(*names: str) -> Callable[[sa.Row[Any]], Iterable[tuple[Any, ...]]]:
    """Maps a delta to its total keys: its region and every region above it, with these columns."""
    return lambda row: (
        (region, *(getattr(row, name) for name in names)) for region in ancestor_codes(row.region)
    )


ASSET_TOTAL_SPEC = TotalSpec(
    ASSET_DELTAS, ASSET_TOTALS, ("region", *TOTAL_KEYS), ("number", "value"), _region_places(*TOTAL_KEYS)
)
PROJECT_TOTAL_SPEC = TotalSpec(
    ProjectValueDelta.__table__,  # type: ignore[attr-defined]
    ProjectValueTotal.__table__,  # type: ignore[attr-defined]
    ("region", "year"),
    ("number", "settled", "registered"),
    _region_places("year"),
)


async def sum_asset_totals(
    work: UnitOfWork, region: str, year: int | None, towns: Sequence[str]
) -> list[sa.Row[Any]]:
    """Rows (head, class, owner, state, use, number, value in 分) of a region the caller sees completely, and of its towns.

    `head` is the region or the town. Totals plus pending deltas.
    """
    figures = (*TOTAL_KEYS, "number", "value")
    totals, deltas = ASSET_TOTALS.c, ASSET_DELTAS.c
    pending = sa.and_(
        work.within_region(deltas.region, region), work.actor.scope_filter(May.ASSET_READ, deltas.region)
    )
    parts = [
        sa.select(totals.region.label("head"), *(totals[name] for name in figures)).where(
            totals.region.in_([region, *towns]), work.actor.scope_filter(May.ASSET_READ, totals.region)
        ),
        sa.select(sa.literal(region).label("head"), *(deltas[name] for name in figures)).where(pending),
    ]
    if towns:
        head = town_head(work, deltas.region, region).concat("000")
        of_towns = sa.select(head.label("head"), *(deltas[name] for name in figures))
        parts.append(of_towns.where(pending, head != region))
    if year is not None:
        parts = [part.where(part.selected_columns.year == year) for part in parts]
    combined = sa.union_all(*parts).subquery()
    query = sa.select(
        combined.c.head,
        combined.c.asset_class,
        combined.c.owner_kind,
        combined.c.state,
        combined.c.use,
        sa.cast(sa.func.sum(combined.c.number), sa.BigInteger).label("number"),
        sa.cast(sa.func.sum(combined.c.value), sa.BigInteger).label("value"),
    ).group_by(
        combined.c.head, combined.c.asset_class, combined.c.owner_kind, combined.c.state, combined.c.use
    )
    return [row for row in await execute_core(work.session, query) if row.number]


async def sum_project_totals(work: UnitOfWork, region: str, year: int | None) -> tuple[int, int, int]:
    """(accepted projects, settled cost, registered value in 分) of a region the caller sees completely: totals plus pending deltas."""
    parts = [
        sa.select(table.c.year, *(table.c[name] for name in PROJECT_TOTAL_SPEC.measures)).where(
            where, work.actor.scope_filter(May.ASSET_READ, table.c.region)
        )
        for table, where in (
            (PROJECT_TOTAL_SPEC.totals, PROJECT_TOTAL_SPEC.totals.c.region == region),
            (PROJECT_TOTAL_SPEC.deltas, work.within_region(PROJECT_TOTAL_SPEC.deltas.c.region, region)),
        )
    ]
    combined = sa.union_all(*parts).subquery()
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(combined.c[name]), 0), sa.BigInteger)
        for name in PROJECT_TOTAL_SPEC.measures
    ]
    query = sa.select(*sums)
    result = await execute_core(work.session, query if year is None else query.where(combined.c.year == year))
    number, settled, registered = (int(value) for value in result.one())
    return number, settled, registered


def system_insert_registered_delta(project_id: UUID, change: int) -> sa.Insert:
    """Statement that inserts a delta of the registered value (分) of a project; it inserts nothing before acceptance."""
    accepted = sa.select(
        PROJECTS.c.region,
        sa.extract("year", PROJECTS.c.accepted_on),
        sa.literal(0),
        sa.literal(0),
        sa.literal(change, sa.BigInteger()),
    ).where(PROJECTS.c.id == project_id, PROJECTS.c.accepted_on.is_not(None))
    return PROJECT_TOTAL_SPEC.deltas.insert().from_select(
        ["region", "year", *PROJECT_TOTAL_SPEC.measures], accepted
    )


async def list_transfers(work: UnitOfWork, asset_ids: Sequence[UUID]) -> list[Transfer]:
    """Rights documents that list any of these assets, in the caller's regions, oldest first."""
    listed = sa.exists().where(
        col(TransferItem.transfer_id) == col(Transfer.id), col(TransferItem.asset_id).in_(asset_ids)
    )
    query = select(Transfer).where(listed, work.actor.scope_filter(May.ASSET_READ, col(Transfer.region)))
    return list(await work.session.exec(query.order_by(col(Transfer.created_at)).limit(1000)))


async def sum_coverage(work: UnitOfWork, project_id: UUID) -> dict[str, int]:
    """Counts and registered value (分) of a project's assets in the caller's regions, in one statement."""
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


async def sum_visible_assets(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """The rows of `sum_asset_totals`, counted from the registered assets of a region as far as the caller sees them."""
    keys = [ASSETS.c[key] for key in TOTAL_KEYS if key != "year"]
    head = town_head(work, ASSETS.c.region, region).label("head")
    query = (
        sa.select(
            head,
            *keys,
            sa.func.count().label("number"),
            sa.cast(sa.func.coalesce(sa.func.sum(ASSETS.c.original_value), 0), sa.BigInteger).label("value"),
        )
        .where(
            work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
            work.within_region(ASSETS.c.region, region),
            ASSETS.c.state.in_(COUNTED_STATES),
        )
        .group_by(head, *keys)
    )
    if year is not None:
        query = query.where(ASSETS.c.year == year)
    return list(await execute_core(work.session, query))


async def sum_settled_projects(work: UnitOfWork, region: str, year: int | None) -> tuple[int, int, int]:
    """(accepted projects, settled cost, registered value in 分) of a region, as far as the caller sees them."""
    query = sa.select(PROJECTS.c.settled, PROJECTS.c.registered).where(
        work.actor.scope_filter(May.ASSET_READ, PROJECTS.c.region),
        work.within_region(PROJECTS.c.region, region),
        PROJECTS.c.accepted_on.is_not(None),
    )
    if year is not None:
        query = query.where(PROJECTS.c.accepted_on.between(date(year, 1, 1), date(year, 12, 31)))
    projects = query.subquery()
    sums = sa.select(
        sa.func.count().label("number"),
        sa.cast(sa.func.coalesce(sa.func.sum(projects.c.settled), 0), sa.BigInteger).label("settled"),
        sa.cast(sa.func.coalesce(sa.func.sum(projects.c.registered), 0), sa.BigInteger).label("registered"),
    )
    row = (await execute_core(work.session, sums)).one()
    return int(row.number), int(row.settled), int(row.registered)
