"""Queries of custody: keepers and inspections."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from services.assets.custody.models import Inspection, Keeper
from services.assets.custody.schemas import AssetCondition, InspectionRead
from shared.auth import May
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

INSPECTION_ORDERS = {"inspected_at": col(Inspection.inspected_at)}


async def find_current_keeper(work: UnitOfWork, asset_id: UUID) -> Keeper | None:
    """Current keeper of an asset, locked, or None."""
    query = select(Keeper).where(
        Keeper.asset_id == asset_id,
        col(Keeper.ends_on).is_(None),
        work.actor.scope_filter(May.ASSET_READ, col(Keeper.region)),
    )
    return (await work.session.exec(query.with_for_update())).first()


async def list_inspections(
    work: UnitOfWork,
    page_params: PageParams,
    *,
    asset_id: UUID | None = None,
    region: str | None = None,
    condition: AssetCondition | None = None,
) -> PageAnswer:
    """One page of the inspections in the caller's regions, newest first."""
    query = select(Inspection).where(work.actor.scope_filter(May.ASSET_READ, col(Inspection.region)))
    if asset_id is not None:
        query = query.where(Inspection.asset_id == asset_id)
    if region:
        query = query.where(work.within_region(col(Inspection.region), region))
    if condition is not None:
        query = query.where(Inspection.condition == condition)
    return await answer_page(
        work.session,
        query,
        page_params,
        orders=INSPECTION_ORDERS,
        key=col(Inspection.id),
        default="-inspected_at",
        read=InspectionRead,
    )


async def list_asset_inspections(work: UnitOfWork, asset_ids: Sequence[UUID]) -> list[Inspection]:
    """Inspections of these assets in the caller's regions, newest first (at most 1000)."""
    query = select(Inspection).where(
        col(Inspection.asset_id).in_(asset_ids),
        work.actor.scope_filter(May.ASSET_READ, col(Inspection.region)),
    )
    query = query.order_by(col(Inspection.inspected_at).desc(), col(Inspection.id).desc()).limit(1000)
    return list(await work.session.exec(query))
