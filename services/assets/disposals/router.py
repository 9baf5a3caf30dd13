"""Routes of disposals and revitalisation plans."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.disposals import service
from services.assets.disposals.lifecycle import (
    DISPOSAL,
    REVIVAL,
    DisposalAction,
    DisposalState,
    RevivalAction,
    RevivalState,
)
from services.assets.disposals.models import Disposal, Revival
from services.assets.disposals.schemas import (
    DisposalCreate,
    DisposalDetail,
    DisposalRead,
    DisposalTransitionRequest,
    RevivalCreate,
    RevivalDetail,
    RevivalRead,
    RevivalTransitionRequest,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.notices.router import record_notice_router
from shared.notices.service import NoticeSubject
from shared.records import Act, RecordKind, turn
from shared.unit_of_work import UnitOfWork

router = APIRouter(prefix="/assets/disposals", tags=["资产处置"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=DisposalDetail,
    **requires(May.ASSET_DISPOSE, refuses=(NotFound, Conflict, Invalid)),
)
async def request_disposal(work: WriteWork, body: DisposalCreate) -> DisposalDetail:
    """申请处置."""
    return await service.get_disposal_detail(work, await service.create_disposal(work, body))


@router.get("", response_model=Page[DisposalRead], **requires(May.ASSET_READ))
async def list_disposals(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: DisposalState | None = None,
    asset_id: UUID | None = None,
) -> PageAnswer:
    """处置列表."""
    where = records.equality_conditions({col(Disposal.state): state, col(Disposal.asset_id): asset_id})
    orders = {"created_at": col(Disposal.created_at)}
    return await records.page_records(
        work,
        page_params,
        Disposal,
        *where,
        orders=orders,
        default="-created_at",
        region=region,
        read=DisposalRead,
    )


@router.get("/{disposal_id}", response_model=DisposalDetail, **requires(May.ASSET_READ, refuses=(NotFound,)))
async def read_disposal(work: ReadWork, disposal_id: UUID) -> DisposalDetail:
    """资产处置和可办事项."""
    return await service.get_disposal_detail(work, await service.get_disposal(work, disposal_id))


async def _load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    return await service.get_notice_subject(work, record_id, lock=lock)


notice_router = record_notice_router(
    "/assets/disposals", load=_load_notice_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE
)
transition_router = APIRouter(prefix="/assets/disposals", tags=["资产处置"], route_class=Route)


@transition_router.post(
    "/{disposal_id}/{action}",
    response_model=DisposalDetail | TransitionPreview,
    **moves(DISPOSAL),
)
async def act_on_disposal(
    work: WriteWork,
    disposal_id: UUID,
    action: DisposalAction,
    body: DisposalTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> DisposalDetail | TransitionPreview:
    """办理处置."""
    return await service.transition_disposal(work, disposal_id, action, body, match=match, dry_run=dry_run)


revival_router = APIRouter(prefix="/assets/revivals", tags=["资产盘活"], route_class=Route)


@revival_router.post(
    "",
    status_code=201,
    response_model=RevivalDetail,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_revival(work: WriteWork, body: RevivalCreate) -> RevivalDetail:
    """提出盘活方案; 盘活前的使用状态、收益、户数自动带入."""
    return await service.get_revival_detail(work, await service.create_revival(work, body))


@revival_router.get("", response_model=Page[RevivalRead], **requires(May.ASSET_READ))
async def list_revivals(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: RevivalState | None = None,
    asset_id: UUID | None = None,
) -> PageAnswer:
    """盘活方案, 先到期的在前."""
    where = records.equality_conditions({col(Revival.state): state, col(Revival.asset_id): asset_id})
    orders = {"deadline": col(Revival.deadline)}
    return await records.page_records(
        work, page_params, Revival, *where, orders=orders, default="deadline", region=region, read=RevivalRead
    )


@revival_router.get(
    "/{revival_id}", response_model=RevivalDetail, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_revival(work: ReadWork, revival_id: UUID) -> RevivalDetail:
    """盘活方案和可办事项."""
    return await service.get_revival_detail(work, await service.get_revival(work, revival_id))


@revival_router.post(
    "/{revival_id}/{action}",
    response_model=RevivalDetail | TransitionPreview,
    **moves(REVIVAL),
)
async def act_on_revival(
    work: WriteWork,
    revival_id: UUID,
    action: RevivalAction,
    body: RevivalTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> RevivalDetail | TransitionPreview:
    """办理盘活."""
    return await service.transition_revival(work, revival_id, action, body, match=match, dry_run=dry_run)


DISPOSAL_KIND = RecordKind(
    name="disposal",
    label="资产处置",
    path="/assets/disposals",
    model=Disposal,
    read=DisposalRead,
    may=May.ASSET_READ,
    title="description",
    columns=("description", "cause", "region", "value", "state", "proceeds"),
    filters=("region", "state", "asset_id"),
    search=("description", "document_no"),
    parents={"asset_id": "asset"},
    lifecycle=DISPOSAL,
    topics=("disposal.moved",),
    acts=(Act("发布公示", "/assets/disposals/{id}/notices"),),
    turns=(
        turn(DisposalState.REQUESTED, DisposalAction.APPRAISE, "待评估的资产处置"),
        turn(DisposalState.APPRAISED, DisposalAction.DECIDE, "待议定的资产处置"),
        turn(DisposalState.DECIDED, DisposalAction.APPROVE, "待批准的资产处置"),
        turn(DisposalState.APPROVED, DisposalAction.BOOK, "待入账的资产处置"),
        turn(DisposalState.BOOKED, DisposalAction.CLOSE, "待办结的资产处置"),
    ),
)
REVIVAL_KIND = RecordKind(
    name="revival",
    label="盘活方案",
    path="/assets/revivals",
    model=Revival,
    read=RevivalRead,
    may=May.ASSET_READ,
    title="measures",
    columns=("measures", "track", "region", "person", "deadline", "state"),
    filters=("region", "state", "asset_id"),
    search=("problem", "measures"),
    parents={"asset_id": "asset"},
    lifecycle=REVIVAL,
    due="deadline",
    topics=("revival.moved",),
    turns=(
        turn(RevivalState.PROPOSED, RevivalAction.APPROVE, "待批准的盘活方案"),
        turn(RevivalState.UNDER_WAY, RevivalAction.REPORT, "盘活中的资产"),
        turn(RevivalState.REPORTED, RevivalAction.CHECK, "待核查的盘活"),
    ),
)
