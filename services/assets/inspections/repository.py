"""Every query about inspections."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from services.assets.inspections.models import Inspection
from services.assets.inspections.schemas import Condition
from shared.access import span
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

ORDERS = {"inspected_at": col(Inspection.inspected_at)}


async def listed(
    work: Work,
    asked: Asked,
    *,
    asset_id: UUID | None = None,
    region: str | None = None,
    condition: Condition | None = None,
) -> Page[Inspection]:
    """A page of inspections of the caller's regions, the newest first."""
    query = select(Inspection).where(work.actor.where(May.ASSET_READ, col(Inspection.region)))
    if asset_id is not None:
        query = query.where(Inspection.asset_id == asset_id)
    if region:
        query = query.where(col(Inspection.region).between(*span(region)))
    if condition is not None:
        query = query.where(Inspection.condition == condition)
    return await page(
        work.session, query, asked, orders=ORDERS, key=col(Inspection.id), default="-inspected_at"
    )


async def of_assets(work: Work, asset_ids: Sequence[UUID]) -> list[Inspection]:
    """Inspections of some assets in the caller's regions, newest first (at most 1000)."""
    query = select(Inspection).where(
        col(Inspection.asset_id).in_(asset_ids), work.actor.where(May.ASSET_READ, col(Inspection.region))
    )
    query = query.order_by(col(Inspection.inspected_at).desc(), col(Inspection.id).desc()).limit(1000)
    return list(await work.session.exec(query))
