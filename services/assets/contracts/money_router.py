"""Receivables, receipts and income over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.contracts import income
from services.assets.contracts.models import Receipt, Receivable
from services.assets.contracts.schemas import Income, ReceiptPost, ReceiptRead, ReceiptReverse, ReceivableRead
from services.assets.register import repository as register
from services.assets.scoped import repository as scoped
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets", tags=["资产收益"], route_class=Route)
REGION = r"^[0-9]{12}$"


@router.get("/receivables", response_model=Page[ReceivableRead], **allows(May.ASSET_READ))
async def list_receivables(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    open: Annotated[bool | None, Query(description="只看未收清或已收清的")] = None,  # noqa: A002
    due_until: Annotated[date | None, Query(description="到期日不晚于")] = None,
    due_from: Annotated[date | None, Query(description="到期日不早于")] = None,
) -> Page[Receivable]:
    """应收清单, 先到期的在前."""
    where = scoped.system_same({col(Receivable.open): open})
    if due_until is not None:
        where.append(col(Receivable.due_on) <= due_until)
    if due_from is not None:
        where.append(col(Receivable.due_on) >= due_from)
    orders = {"due_on": col(Receivable.due_on)}
    return await scoped.paged(work, asked, Receivable, *where, orders=orders, default="due_on", region=region)


@router.get("/arrears", response_model=Page[ReceivableRead], **allows(May.ASSET_READ))
async def list_arrears(
    work: Reading, asked: Paging, region: Annotated[str | None, Query(pattern=REGION)] = None
) -> Page[Receivable]:
    """欠收清单: 今天以前到期还没收清的, 拖得最久的在前."""
    where = [col(Receivable.open).is_(True), col(Receivable.due_on) < work.today]
    orders = {"due_on": col(Receivable.due_on)}
    return await scoped.paged(work, asked, Receivable, *where, orders=orders, default="due_on", region=region)


@router.get("/receipts", response_model=Page[ReceiptRead], **allows(May.ASSET_READ))
async def list_receipts(
    work: Reading, asked: Paging, region: Annotated[str | None, Query(pattern=REGION)] = None
) -> Page[Receipt]:
    """实收清单, 新的在前."""
    orders = {"received_on": col(Receipt.received_on)}
    return await scoped.paged(work, asked, Receipt, orders=orders, default="-received_on", region=region)


@router.post(
    "/receipts/{receipt_id}/reverse",
    status_code=201,
    response_model=ReceiptRead,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Forbidden, Invalid)),
)
async def reverse_receipt(work: Writing, receipt_id: UUID, body: ReceiptReverse) -> Receipt:
    """冲销误记的实收."""
    return await income.reverse(work, receipt_id, body)


@router.get("/income", response_model=Income, **allows(May.ASSET_READ))
async def read_region_income(work: Reading, region: Annotated[str, Query(pattern=REGION)]) -> Income:
    """一个地区历年的收益: 应收、欠收、实收."""
    return await income.income(work, region=region)


@router.get("/{asset_id}/income", response_model=Income, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_asset_income(work: Reading, asset_id: UUID) -> Income:
    """一项资产历年的收益."""
    asset = await register.get(work, asset_id)
    return await income.income(work, asset_id=asset.id)


@router.post(
    "/{asset_id}/income",
    status_code=201,
    response_model=ReceiptRead,
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid)),
)
async def receive_other_income(work: Writing, asset_id: UUID, body: ReceiptPost) -> Receipt:
    """登记合同外收益(分红、补偿等)."""
    return await income.receive(work, asset_id, body)
