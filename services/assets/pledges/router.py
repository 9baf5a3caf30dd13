"""Routes of pledges."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.pledges import service
from services.assets.pledges.lifecycle import PLEDGE, PledgeAction, PledgeState
from services.assets.pledges.models import Pledge
from services.assets.pledges.schemas import PledgeDetail, PledgePost, PledgeRead, PledgeTransitionRequest
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/assets", tags=["资产抵押"], route_class=Route)


@router.get("/pledges", response_model=Page[PledgeRead], **requires(May.ASSET_READ))
async def list_pledges(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: PledgeState | None = None,
    asset_id: UUID | None = None,
) -> PageAnswer:
    """资产抵押, 先到期的在前."""
    where = records.equality_conditions({col(Pledge.state): state, col(Pledge.asset_id): asset_id})
    orders = {"ends_on": col(Pledge.ends_on)}
    return await records.page_records(
        work, page_params, Pledge, *where, orders=orders, default="ends_on", region=region, read=PledgeRead
    )


@router.get(
    "/pledges/{pledge_id}", response_model=PledgeDetail, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_pledge(work: ReadWork, pledge_id: UUID) -> PledgeDetail:
    """资产抵押和可办事项."""
    return await service.get_pledge_detail(work, await service.get_pledge(work, pledge_id))


@router.post(
    "/{asset_id}/pledges",
    status_code=201,
    response_model=PledgeDetail,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_pledge(work: WriteWork, asset_id: UUID, body: PledgePost) -> PledgeDetail:
    """登记资产抵押, 由另一人批准; 抵押中的资产不能处置、拆并、变更所有权人."""
    return await service.get_pledge_detail(work, await service.create_pledge(work, asset_id, body))


@router.post(
    "/pledges/{pledge_id}/{action}",
    response_model=PledgeDetail | TransitionPreview,
    **moves(PLEDGE),
)
async def act_on_pledge(
    work: WriteWork,
    pledge_id: UUID,
    action: PledgeAction,
    body: PledgeTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> PledgeDetail | TransitionPreview:
    """办理抵押."""
    return await service.transition_pledge(work, pledge_id, action, body, match=match, dry_run=dry_run)


PLEDGE_KIND = RecordKind(
    name="pledge",
    label="资产抵押",
    path="/assets/pledges",
    model=Pledge,
    read=PledgeRead,
    may=May.ASSET_READ,
    title="pledgee",
    columns=("pledgee", "debtor", "region", "amount", "starts_on", "ends_on", "state"),
    create="/assets/{asset_id}/pledges",
    filters=("region", "state", "asset_id"),
    search=("pledgee", "debtor", "registration_no"),
    parents={"asset_id": "asset"},
    lifecycle=PLEDGE,
    due="ends_on",
    topics=("pledge.moved",),
    turns=(turn(PledgeState.PROPOSED, PledgeAction.APPROVE, "待批准的资产抵押"),),
)
