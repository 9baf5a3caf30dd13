"""Follow-up visits over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.register import repository as register
from services.assets.scoped import repository as scoped
from services.assets.visits import service
from services.assets.visits.kinds import Holding
from services.assets.visits.models import FollowUp
from services.assets.visits.service import FollowUpPost, FollowUpRead
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["到户资产回访"], route_class=Route)


@router.get("/follow-ups", response_model=Page[FollowUpRead], **allows(May.ASSET_READ))
async def list_follow_ups(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    holding: Holding | None = None,
) -> Page[FollowUp]:
    """辖区内的回访, 新的在前."""
    where = scoped.system_same({col(FollowUp.holding): holding})
    orders = {"visited_on": col(FollowUp.visited_on)}
    return await scoped.paged(
        work, asked, FollowUp, *where, orders=orders, default="-visited_on", region=region
    )


@router.get(
    "/{asset_id}/follow-ups", response_model=list[FollowUpRead], **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def list_asset_follow_ups(work: Reading, asset_id: UUID) -> list[FollowUp]:
    """一项到户资产的回访."""
    asset = await register.get(work, asset_id)
    return await scoped.some(
        work, FollowUp, col(FollowUp.asset_id) == asset.id, order=(col(FollowUp.visited_on),)
    )


@router.post(
    "/{asset_id}/follow-ups",
    status_code=201,
    response_model=FollowUpRead,
    **allows(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid)),
)
async def record_follow_up(work: Writing, asset_id: UUID, body: FollowUpPost) -> FollowUp:
    """登记到户资产回访."""
    return await service.record(work, asset_id, body)
