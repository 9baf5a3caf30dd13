"""Operating contracts over HTTP."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.contracts import income, service
from services.assets.contracts.lifecycle import CONTRACT, ContractAction, ContractState
from services.assets.contracts.models import OperatingContract, Receipt
from services.assets.contracts.schemas import (
    ContractAct,
    ContractCreate,
    ContractDetail,
    ContractRead,
    OperatorGone,
    ReceiptPost,
    ReceiptRead,
)
from services.assets.register import repository as register
from services.assets.scoped import repository as scoped
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["经营合同"], route_class=Route)
REGION = r"^[0-9]{12}$"
ORDERS = {"ends_on": col(OperatingContract.ends_on)}


@router.get("/contracts", response_model=Page[ContractRead], **allows(May.ASSET_READ))
async def list_contracts(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    state: ContractState | None = None,
    expiring_within: Annotated[
        int | None, Query(ge=0, le=3650, description="履行中、这么多天内到期(含已过期)")
    ] = None,
) -> Page[OperatingContract]:
    """辖区内的经营合同, 先到期的在前."""
    where = scoped.system_same({col(OperatingContract.state): state})
    if expiring_within is not None:
        until = work.today + timedelta(days=expiring_within)
        where += [
            col(OperatingContract.state) == ContractState.ACTIVE,
            col(OperatingContract.ends_on) <= until,
        ]
    return await scoped.paged(
        work, asked, OperatingContract, *where, orders=ORDERS, default="ends_on", region=region
    )


@router.get(
    "/contracts/{contract_id}", response_model=ContractDetail, **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def read_contract(work: Reading, contract_id: UUID) -> ContractDetail:
    """经营合同, 应收明细和可办事项."""
    return await service.detail(work, await service.get(work, contract_id))


@router.post(
    "/contracts/{contract_id}/receipts",
    status_code=201,
    response_model=ReceiptRead,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def receive_of_contract(work: Writing, contract_id: UUID, body: ReceiptPost) -> Receipt:
    """登记合同收款, 先核销最早的应收."""
    return await income.of_contract(work, contract_id, body)


@router.post(
    "/contracts/{contract_id}/renewals",
    status_code=201,
    response_model=ContractRead,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def renew_contract(work: Writing, contract_id: UUID, body: ContractCreate) -> OperatingContract:
    """续签."""
    return await service.renew(work, contract_id, body)


@router.post(
    "/contracts/{contract_id}/operator",
    response_model=ContractRead,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Stale)),
)
async def mark_operator(
    work: Writing, contract_id: UUID, body: OperatorGone, match: IfMatch
) -> OperatingContract:
    """标记经营主体注销或失联."""
    return await service.mark_operator(work, contract_id, body, match)


@router.post(
    "/contracts/{contract_id}/{action}",
    response_model=ContractDetail | Preview,
    description=f"```mermaid\n{CONTRACT.mermaid()}\n```",
    **allows(*CONTRACT.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_contract(
    work: Writing,
    contract_id: UUID,
    action: ContractAction,
    body: ContractAct,
    match: IfMatch,
    dry_run: bool = False,
) -> ContractDetail | Preview:
    """办理经营合同."""
    return await service.act(work, contract_id, action, body, match=match, dry_run=dry_run)


@router.get(
    "/{asset_id}/contracts", response_model=list[ContractRead], **allows(May.ASSET_READ, refuses=(NotFound,))
)
async def list_asset_contracts(work: Reading, asset_id: UUID) -> list[OperatingContract]:
    """一项资产的全部经营合同."""
    asset = await register.get(work, asset_id)
    mine = col(OperatingContract.asset_id) == asset.id
    return await scoped.some(work, OperatingContract, mine, order=(col(OperatingContract.starts_on),))


@router.post(
    "/{asset_id}/contracts",
    status_code=201,
    response_model=ContractRead,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def draft_contract(work: Writing, asset_id: UUID, body: ContractCreate) -> OperatingContract:
    """拟定经营合同."""
    return await service.draft(work, asset_id, body)
