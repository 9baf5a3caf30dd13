"""Queries for assets whose sources of money are missing or outdated."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.book.models import BookOpening
from services.assets.register.lifecycle import COUNTED_STATES
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetOrigin
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]


async def list_openings(work: UnitOfWork, asset: Asset) -> list[BookOpening]:
    """The parts that an asset was opened with by a split or merge; empty for another. Not scoped: the caller has the asset."""
    if asset.origin not in {AssetOrigin.SPLIT, AssetOrigin.MERGE}:
        return []
    query = select(BookOpening).where(BookOpening.asset_id == asset.id).order_by(col(BookOpening.position))
    return list(await work.session.exec(query))


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
