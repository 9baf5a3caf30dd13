"""Routes of rights documents."""

from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.transfers import repository, service
from services.assets.transfers.lifecycle import (
    TRANSFER,
    TransferAction,
    TransferKind,
    TransferState,
    concerns_rights,
    concerns_two_parties,
)
from services.assets.transfers.models import Transfer
from services.assets.transfers.schemas import (
    TransferCreate,
    TransferDetail,
    TransferRead,
    TransferTransitionRequest,
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

router = APIRouter(prefix="/assets/transfers", tags=["权属文书"], route_class=Route)
MAX_BODY_BYTES = 512 * 1024


@router.post(
    "",
    status_code=201,
    response_model=TransferDetail,
    **requires(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound), body=MAX_BODY_BYTES),
)
async def create_transfer(work: WriteWork, body: TransferCreate) -> TransferDetail:
    """编制权属文书: 一份文书办理多项资产的确权、移交或权属变更."""
    return await service.get_transfer_detail(work, await service.create_transfer(work, body))


@router.get("", response_model=Page[TransferRead], **requires(May.ASSET_READ))
async def list_transfers(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    kind: TransferKind | None = None,
    state: TransferState | None = None,
) -> PageAnswer:
    """权属文书列表."""
    where = records.equality_conditions({col(Transfer.kind): kind, col(Transfer.state): state})
    orders = {"created_at": col(Transfer.created_at)}
    return await records.page_records(
        work,
        page_params,
        Transfer,
        *where,
        orders=orders,
        default="-created_at",
        region=region,
        read=TransferRead,
    )


@router.get("/{transfer_id}", response_model=TransferDetail, **requires(May.ASSET_READ, refuses=(NotFound,)))
async def read_transfer(work: ReadWork, transfer_id: UUID) -> TransferDetail:
    """权属文书, 资产明细, 可办事项."""
    return await service.get_transfer_detail(work, await service.get_transfer(work, transfer_id))


async def _load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    return await service.get_notice_subject(work, record_id, lock=lock)


notice_router = record_notice_router(
    "/assets/transfers", load=_load_notice_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE
)
transition_router = APIRouter(prefix="/assets/transfers", tags=["权属文书"], route_class=Route)


@transition_router.post(
    "/{transfer_id}/{action}",
    response_model=TransferDetail | TransitionPreview,
    **moves(TRANSFER),
)
async def act_on_transfer(
    work: WriteWork,
    transfer_id: UUID,
    action: TransferAction,
    body: TransferTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> TransferDetail | TransitionPreview:
    """办理权属文书; 文书中的资产一起变动, 或都不变动."""
    return await service.transition_transfer(work, transfer_id, action, body, match=match, dry_run=dry_run)


TRANSFER_KIND = RecordKind(
    name="transfer",
    label="权属文书",
    path="/assets/transfers",
    model=Transfer,
    read=TransferRead,
    may=May.ASSET_READ,
    title="title",
    columns=("title", "kind", "number", "region", "giver", "receiver", "state"),
    filters=("region", "kind", "state"),
    search=("title", "number"),
    lifecycle=TRANSFER,
    topics=("transfer.moved",),
    acts=(Act("发布公示", "/assets/transfers/{id}/notices"),),
    turns=(
        turn(TransferState.DRAFT, TransferAction.SUBMIT, "权属文书草稿"),
        turn(TransferState.SUBMITTED, (TransferAction.CONFIRM, TransferAction.GIVE), "待办理的权属文书"),
        turn(TransferState.GIVEN, TransferAction.RECEIVE, "待接收的移交文书", key="state.given"),
    ),
    twins={
        concerns_rights: lambda _work: repository.build_rights_condition(),
        concerns_two_parties: lambda _work: sa.not_(repository.build_rights_condition()),
    },
)
