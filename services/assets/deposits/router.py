"""Routes of the deposit book."""

from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.deposits import service
from services.assets.deposits.lifecycle import DEPOSIT, DepositAction, DepositState
from services.assets.deposits.models import Deposit
from services.assets.deposits.schemas import (
    DepositDetail,
    DepositPost,
    DepositRead,
    DepositTransitionRequest,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/assets", tags=["合同保证金"], route_class=Route)


@router.get("/deposits", response_model=Page[DepositRead], **requires(May.ASSET_READ))
async def list_deposits(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: DepositState | None = None,
    contract_id: UUID | None = None,
) -> PageAnswer:
    """保证金账: 收取、退还、抵扣, 新发生的在前."""
    where = records.equality_conditions({col(Deposit.state): state, col(Deposit.contract_id): contract_id})
    orders = {"happened_on": col(Deposit.happened_on)}
    return await records.page_records(
        work,
        page_params,
        Deposit,
        *where,
        orders=orders,
        default="-happened_on",
        region=region,
        read=DepositRead,
    )


@router.get(
    "/deposits/{deposit_id}", response_model=DepositDetail, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_deposit(work: ReadWork, deposit_id: UUID) -> DepositDetail:
    """一笔保证金和可办事项."""
    return await service.get_entry_detail(work, await service.get_entry(work, deposit_id))


@router.post(
    "/contracts/{contract_id}/deposits",
    status_code=201,
    response_model=DepositDetail,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def enter_deposit(work: WriteWork, contract_id: UUID, body: DepositPost) -> DepositDetail:
    """登记保证金的收取、退还或抵扣, 由另一人确认后入账."""
    return await service.get_entry_detail(work, await service.create_entry(work, contract_id, body))


@router.post(
    "/deposits/{deposit_id}/{action}",
    response_model=DepositDetail | TransitionPreview,
    **moves(DEPOSIT),
)
async def act_on_deposit(
    work: WriteWork,
    deposit_id: UUID,
    action: DepositAction,
    body: DepositTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> DepositDetail | TransitionPreview:
    """办理保证金记账: 确认抵扣即记入资产收益."""
    return await service.transition_entry(work, deposit_id, action, body, match=match, dry_run=dry_run)


DEPOSIT_KIND = RecordKind(
    name="deposit",
    label="保证金",
    path="/assets/deposits",
    model=Deposit,
    read=DepositRead,
    may=May.ASSET_READ,
    title="party",
    columns=("happened_on", "party", "kind", "region", "amount", "voucher_no", "state"),
    create="/assets/contracts/{contract_id}/deposits",
    filters=("region", "state", "contract_id"),
    search=("party", "voucher_no"),
    parents={"contract_id": "operating_contract", "asset_id": "asset"},
    lifecycle=DEPOSIT,
    topics=("deposit.moved",),
    turns=(turn(DepositState.ENTERED, DepositAction.CONFIRM, "待确认的保证金"),),
)
