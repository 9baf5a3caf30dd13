"""Routes of operating contracts, receivables, receipts and income."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.contracts import repository, service
from services.assets.contracts.lifecycle import CONTRACT, ContractAction, ContractState, term_has_ended
from services.assets.contracts.models import OperatingContract, Receipt, Receivable
from services.assets.contracts.schemas import (
    AssetContractCreate,
    AssetContractRead,
    ContractDetail,
    ContractTransitionRequest,
    Income,
    OperatorStatusPost,
    ReceiptPost,
    ReceiptRead,
    ReceiptReversalPost,
    ReceivableRead,
)
from services.assets.register import repository as register
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, RecordKind, turn

router = APIRouter(prefix="/assets", tags=["经营合同"], route_class=Route)
CONTRACT_ORDERS = {"ends_on": col(OperatingContract.ends_on)}


@router.get("/contracts", response_model=Page[AssetContractRead], **requires(May.ASSET_READ))
async def list_contracts(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: ContractState | None = None,
    expiring_within: Annotated[
        int | None, Query(ge=0, le=3650, description="履行中、这么多天内到期(含已过期)")
    ] = None,
) -> PageAnswer:
    """辖区内的经营合同, 先到期的在前."""
    where = records.equality_conditions({col(OperatingContract.state): state})
    if expiring_within is not None:
        until = work.today + timedelta(days=expiring_within)
        where += [
            col(OperatingContract.state) == ContractState.ACTIVE,
            col(OperatingContract.ends_on) <= until,
        ]
    return await records.page_records(
        work,
        page_params,
        OperatingContract,
        *where,
        orders=CONTRACT_ORDERS,
        default="ends_on",
        region=region,
        read=AssetContractRead,
    )


@router.get(
    "/contracts/{contract_id}", response_model=ContractDetail, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_contract(work: ReadWork, contract_id: UUID) -> ContractDetail:
    """经营合同, 应收明细和可办事项."""
    return service.build_contract_detail(work, *await repository.get_contract_with_records(work, contract_id))


@router.post(
    "/contracts/{contract_id}/receipts",
    status_code=201,
    response_model=ReceiptRead,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def record_contract_receipt(work: WriteWork, contract_id: UUID, body: ReceiptPost) -> Receipt:
    """登记合同收款, 先核销最早的应收."""
    return await service.record_contract_receipt(work, contract_id, body)


@router.post(
    "/contracts/{contract_id}/renewals",
    status_code=201,
    response_model=AssetContractRead,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def renew_contract(work: WriteWork, contract_id: UUID, body: AssetContractCreate) -> OperatingContract:
    """续签."""
    return await service.renew_contract(work, contract_id, body)


@router.post(
    "/contracts/{contract_id}/operator",
    response_model=AssetContractRead,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, PreconditionFailed)),
)
async def mark_operator(
    work: WriteWork, contract_id: UUID, body: OperatorStatusPost, match: IfMatch
) -> OperatingContract:
    """标记经营主体注销或失联."""
    return await service.mark_operator(work, contract_id, body, match)


@router.post(
    "/contracts/{contract_id}/{action}",
    response_model=ContractDetail | TransitionPreview,
    **moves(CONTRACT),
)
async def act_on_contract(
    work: WriteWork,
    contract_id: UUID,
    action: ContractAction,
    body: ContractTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> ContractDetail | TransitionPreview:
    """办理经营合同."""
    return await service.transition_contract(work, contract_id, action, body, match=match, dry_run=dry_run)


@router.get(
    "/{asset_id}/contracts",
    response_model=list[AssetContractRead],
    **requires(May.ASSET_READ, refuses=(NotFound,)),
)
async def list_asset_contracts(work: ReadWork, asset_id: UUID) -> list[OperatingContract]:
    """一项资产的全部经营合同."""
    asset = await register.get_asset(work, asset_id)
    of_asset = col(OperatingContract.asset_id) == asset.id
    return await records.list_records(
        work, OperatingContract, of_asset, order=(col(OperatingContract.starts_on),)
    )


@router.post(
    "/{asset_id}/contracts",
    status_code=201,
    response_model=AssetContractRead,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def draft_contract(work: WriteWork, asset_id: UUID, body: AssetContractCreate) -> OperatingContract:
    """拟定经营合同."""
    return await service.create_contract(work, asset_id, body)


income_router = APIRouter(prefix="/assets", tags=["资产收益"], route_class=Route)


@income_router.get("/receivables", response_model=Page[ReceivableRead], **requires(May.ASSET_READ))
async def list_receivables(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    open: Annotated[bool | None, Query(description="只看未收清或已收清的")] = None,  # noqa: A002
    due_until: Annotated[date | None, Query(description="到期日不晚于")] = None,
    due_from: Annotated[date | None, Query(description="到期日不早于")] = None,
) -> PageAnswer:
    """应收清单, 先到期的在前."""
    where = records.equality_conditions({col(Receivable.open): open})
    if due_until is not None:
        where.append(col(Receivable.due_on) <= due_until)
    if due_from is not None:
        where.append(col(Receivable.due_on) >= due_from)
    orders = {"due_on": col(Receivable.due_on)}
    return await records.page_records(
        work,
        page_params,
        Receivable,
        *where,
        orders=orders,
        default="due_on",
        region=region,
        read=ReceivableRead,
    )


@income_router.get("/arrears", response_model=Page[ReceivableRead], **requires(May.ASSET_READ))
async def list_arrears(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
) -> PageAnswer:
    """欠收清单: 今天以前到期还没收清的, 拖得最久的在前."""
    where = [col(Receivable.open).is_(True), col(Receivable.due_on) < work.today]
    orders = {"due_on": col(Receivable.due_on)}
    return await records.page_records(
        work,
        page_params,
        Receivable,
        *where,
        orders=orders,
        default="due_on",
        region=region,
        read=ReceivableRead,
    )


@income_router.get("/receipts", response_model=Page[ReceiptRead], **requires(May.ASSET_READ))
async def list_receipts(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
) -> PageAnswer:
    """实收清单, 新的在前."""
    orders = {"received_on": col(Receipt.received_on)}
    return await records.page_records(
        work, page_params, Receipt, orders=orders, default="-received_on", region=region, read=ReceiptRead
    )


@income_router.post(
    "/receipts/{receipt_id}/reverse",
    status_code=201,
    response_model=ReceiptRead,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Forbidden, Invalid)),
)
async def reverse_receipt(work: WriteWork, receipt_id: UUID, body: ReceiptReversalPost) -> Receipt:
    """冲销误记的实收."""
    return await service.reverse_receipt(work, receipt_id, body)


@income_router.get("/income", response_model=Income, **requires(May.ASSET_READ))
async def read_region_income(work: ReadWork, region: RegionCode) -> Income:
    """一个地区历年的收益: 应收、欠收、实收."""
    return await service.sum_income(work, region=region)


@income_router.get(
    "/{asset_id}/income", response_model=Income, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_asset_income(work: ReadWork, asset_id: UUID) -> Income:
    """一项资产历年的收益."""
    asset = await register.get_asset(work, asset_id)
    return await service.sum_income(work, asset_id=asset.id)


@income_router.post(
    "/{asset_id}/income",
    status_code=201,
    response_model=ReceiptRead,
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def record_other_income(work: WriteWork, asset_id: UUID, body: ReceiptPost) -> Receipt:
    """登记合同外收益(分红、补偿等)."""
    return await service.record_receipt(work, asset_id, body)


OPERATING_CONTRACT_KIND = RecordKind(
    name="operating_contract",
    label="经营合同",
    path="/assets/contracts",
    model=OperatingContract,
    read=AssetContractRead,
    may=May.ASSET_READ,
    title="number",
    columns=("number", "operator", "mode", "region", "amount", "starts_on", "ends_on", "state"),
    create="/assets/{asset_id}/contracts",
    filters=("region", "state", "expiring_within"),
    search=("number", "operator"),
    parents={"asset_id": "asset"},
    lifecycle=CONTRACT,
    due="ends_on",
    topics=("operating_contract.moved",),
    turns=(
        turn(ContractState.DRAFT, ContractAction.SIGN, "待签订的经营合同"),
        turn(ContractState.ACTIVE, ContractAction.END, "到期待终结的经营合同"),
    ),
    acts=(
        Act("登记收款", "/assets/contracts/{id}/receipts", states=(ContractState.ACTIVE,)),
        Act("续签", "/assets/contracts/{id}/renewals", states=(ContractState.ACTIVE, ContractState.ENDED)),
        Act("登记经营者状态", "/assets/contracts/{id}/operator", states=(ContractState.ACTIVE,)),
    ),
    twins={term_has_ended: lambda work: repository.build_term_over_condition(work.today)},
)
RECEIVABLE_KIND = RecordKind(
    name="receivable",
    label="应收款",
    path="/assets/receivables",
    model=Receivable,
    read=ReceivableRead,
    may=May.ASSET_READ,
    title="due_on",
    columns=("due_on", "region", "amount", "received", "open"),
    filters=("region", "open", "due_until", "due_from"),
    parents={"contract_id": "operating_contract", "asset_id": "asset"},
)
RECEIPT_KIND = RecordKind(
    name="receipt",
    label="实收款",
    path="/assets/receipts",
    model=Receipt,
    read=ReceiptRead,
    may=May.ASSET_READ,
    title="payer",
    columns=("received_on", "payer", "region", "amount", "voucher_no"),
    create="/assets/{asset_id}/income",
    filters=("region",),
    search=("payer", "voucher_no"),
    parents={"contract_id": "operating_contract", "asset_id": "asset"},
    topics=("income.received",),
    acts=(Act("冲销", "/assets/receipts/{id}/reverse"),),
)
