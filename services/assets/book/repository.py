"""Queries of net values, and of assets whose sources of money are missing or outdated."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.book.lifecycle import AdjustmentState
from services.assets.book.models import BookOpening, ValueAdjustment
from services.assets.book.schemas import ValueAdjustmentKind
from services.assets.policy import DepreciationTerms
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, AssetOrigin
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

ADJUSTMENTS: sa.Table = ValueAdjustment.__table__  # type: ignore[attr-defined]
ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]


async def list_openings(work: UnitOfWork, asset: Asset) -> list[BookOpening]:
    """The parts that an asset was opened with by a split or merge; empty for another. Not scoped: the caller has the asset."""
    if asset.origin not in {AssetOrigin.SPLIT, AssetOrigin.MERGE}:
        return []
    query = select(BookOpening).where(BookOpening.asset_id == asset.id).order_by(col(BookOpening.position))
    return list(await work.session.exec(query))


def _standing_conditions(work: UnitOfWork, region: str, year: int | None) -> list[sa.ColumnElement[bool]]:
    """Assets of a region on the register, not disposed of, of one year or all."""
    conditions = [
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
        work.within_region(ASSETS.c.region, region),
        ASSETS.c.state.in_(COUNTED_STATES),
        ASSETS.c.use != UseState.DISPOSED,
    ]
    return conditions if year is None else [*conditions, ASSETS.c.year == year]


IS_CHANGED: sa.ColumnElement[bool] = sa.or_(
    ASSETS.c.origin.in_((AssetOrigin.SPLIT, AssetOrigin.MERGE)),
    sa.exists().where(
        ADJUSTMENTS.c.asset_id == ASSETS.c.id,
        ADJUSTMENTS.c.state == AdjustmentState.APPROVED,
        ADJUSTMENTS.c.kind != ValueAdjustmentKind.CORRECTION,
    ),
)
"""Whether the value of an asset changed after its start, so that only its book tells the net value."""


async def list_changed_assets(
    work: UnitOfWork, region: str, year: int | None
) -> list[tuple[Asset, list[ValueAdjustment], list[BookOpening]]]:
    """Standing assets of a region whose value changed after their start, with adjustments and openings."""
    conditions = [*_standing_conditions(work, region, year), IS_CHANGED]
    assets = list(await work.session.exec(select(Asset).where(*conditions)))
    if not assets:
        return []
    ids = sa.select(ASSETS.c.id).where(*conditions)
    adjustments: dict[UUID, list[ValueAdjustment]] = {}
    query = select(ValueAdjustment).where(
        work.actor.scope_filter(May.ASSET_READ, col(ValueAdjustment.region)),
        col(ValueAdjustment.asset_id).in_(ids),
    )
    for adjustment in await work.session.exec(query.order_by(col(ValueAdjustment.happened_on))):
        adjustments.setdefault(adjustment.asset_id, []).append(adjustment)
    openings: dict[UUID, list[BookOpening]] = {}
    opened = select(BookOpening).where(
        work.actor.scope_filter(May.ASSET_READ, col(BookOpening.region)), col(BookOpening.asset_id).in_(ids)
    )
    for opening in await work.session.exec(opened.order_by(col(BookOpening.position))):
        openings.setdefault(opening.asset_id, []).append(opening)
    return [(asset, adjustments.get(asset.id, []), openings.get(asset.id, [])) for asset in assets]


async def sum_unchanged_net(
    work: UnitOfWork, region: str, year: int | None, terms: Mapping[AssetClass, DepreciationTerms]
) -> int:
    """Net value today in 分 of the other standing assets of a region: what `calculate_value` says of one part, in SQL."""
    query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(_build_net(work.today, terms)), 0), sa.BigInteger))
    query = query.where(*_standing_conditions(work, region, year), ~IS_CHANGED)
    return int((await execute_core(work.session, query)).scalar_one())


def _build_net(on: date, terms: Mapping[AssetClass, DepreciationTerms]) -> sa.ColumnElement[int]:
    """Original value less straight-line depreciation by whole months, rounded down as the book rounds it."""
    value, built_on = ASSETS.c.original_value, ASSETS.c.built_on
    depreciated = {kind: one for kind, one in terms.items() if one.enabled}
    if not depreciated:
        return value
    of_class = {kind: ASSETS.c.asset_class == kind for kind in depreciated}
    years = sa.case(*((of_class[kind], one.years) for kind, one in depreciated.items()), else_=0)
    percent = sa.case(*((of_class[kind], one.residual_percent) for kind, one in depreciated.items()), else_=0)
    months = sa.func.coalesce(sa.func.nullif(ASSETS.c.service_years, 0), years) * 12
    age = (on.year - sa.extract("year", built_on)) * 12 + on.month - sa.extract("month", built_on)
    age = sa.cast(age, sa.BigInteger)
    passed = sa.case((age < 0, 0), (age > months, months), else_=age)
    accumulated = (value - value * percent // 100) * passed // months
    is_depreciated = sa.and_(built_on.is_not(None), sa.or_(*of_class.values()), built_on < on)
    return sa.case((is_depreciated, value - accumulated), else_=value)


async def system_list_missing_funding(work: UnitOfWork, before: datetime, limit: int) -> list[Asset]:
    """Registered assets of projects without known funding that were not queried since `before`, longest waiting first, at most `limit`."""
    query = select(Asset).where(
        col(Asset.project_id).is_not(None),
        col(Asset.state).in_(COUNTED_STATES),
        col(Asset.funding_known).is_(False),
        sa.or_(col(Asset.funding_asked_at).is_(None), col(Asset.funding_asked_at) < before),
        Asset.original_value > 0,
    )
    # NULL sorts first on SQLite and last on PostgreSQL.
    never_asked = sa.case((col(Asset.funding_asked_at).is_(None), 0), else_=1)
    query = query.order_by(never_asked, col(Asset.funding_asked_at), col(Asset.id)).limit(limit)
    return list(await work.session.exec(query))


async def system_lock_asset(work: UnitOfWork, asset: Asset) -> Asset | None:
    """The current row of an asset, locked, or None."""
    query = select(Asset).where(Asset.id == asset.id).with_for_update()
    return (await work.session.exec(query)).first()


async def system_invalidate_funding(work: UnitOfWork, project_id: UUID) -> int:
    """Mark funding copied from the ledger for a project as unknown, so that it is fetched again; returns the number of assets."""
    query = ASSETS.update().where(
        ASSETS.c.project_id == project_id,
        ASSETS.c.funding_carried.is_(True),
        ASSETS.c.state.in_(COUNTED_STATES),
    )
    return int(
        (await execute_core(work.session, query.values(funding_known=False, funding_asked_at=None))).rowcount
    )
