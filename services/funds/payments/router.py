"""Payments over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.payments import drafting, refunds, repository, service
from services.funds.payments.lifecycle import PAYMENT, PaymentAction, PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.payments.schemas import (
    REGION,
    PaymentAct,
    PaymentChange,
    PaymentChecks,
    PaymentCreate,
    PaymentDetail,
    PaymentRead,
    RefundCreate,
    RefundRead,
)
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/funds/payments", tags=["支付"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=PaymentRead,
    **allows(May.PAYMENT_SUBMIT, refuses=(Invalid, Conflict, NotFound)),
)
async def apply_for_payment(work: Writing, body: PaymentCreate) -> Payment:
    """编制支付申请."""
    return await drafting.apply(work, body)


@router.get("", response_model=Page[PaymentRead], **allows(May.FUND_READ))
async def list_payments(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    state: PaymentState | None = None,
    allocation_id: UUID | None = None,
    project_id: UUID | None = None,
    contract_id: UUID | None = None,
    paid_from: Annotated[date | None, Query(description="支付日期起")] = None,
    paid_to: Annotated[date | None, Query(description="支付日期止")] = None,
) -> Page[Payment]:
    """支付列表."""
    return await repository.listed(
        work,
        asked,
        region=region,
        state=state,
        allocation_id=allocation_id,
        project_id=project_id,
        contract_id=contract_id,
        paid_from=paid_from,
        paid_to=paid_to,
    )


@router.get("/{payment_id}", response_model=PaymentDetail, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_payment(work: Reading, payment_id: UUID) -> PaymentDetail:
    """支付, 退款和可办事项."""
    return await service.detail(work, payment_id)


@router.patch(
    "/{payment_id}",
    response_model=PaymentRead,
    **allows(May.PAYMENT_SUBMIT, refuses=(NotFound, Conflict, Invalid, Stale, VersionRequired)),
)
async def change_payment(work: Writing, payment_id: UUID, body: PaymentChange, match: IfMatch) -> Payment:
    """修改编制中的支付申请."""
    return await drafting.change(work, payment_id, body, match)


@router.get(
    "/{payment_id}/checks", response_model=PaymentChecks, **allows(May.FUND_READ, refuses=(NotFound,))
)
async def check_payment(work: Reading, payment_id: UUID) -> PaymentChecks:
    """支付检查: 每条控制规则现在怎么说."""
    return await service.checks(work, payment_id)


@router.post(
    "/{payment_id}/refunds",
    status_code=201,
    response_model=RefundRead,
    **allows(May.PAYMENT_SETTLE, refuses=(NotFound, Conflict, Invalid)),
)
async def refund_payment(work: Writing, payment_id: UUID, body: RefundCreate) -> Refund:
    """登记部分退款; 全额退回用 reverse."""
    return await refunds.refund(work, payment_id, body)


@router.post(
    "/{payment_id}/{action}",
    response_model=PaymentRead | Preview,
    description=f"```mermaid\n{PAYMENT.mermaid()}\n```",
    **allows(*PAYMENT.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_payment(
    work: Writing,
    payment_id: UUID,
    action: PaymentAction,
    body: PaymentAct,
    match: IfMatch,
    dry_run: bool = False,
) -> Payment | Preview:
    """办理支付: 提交, 审核, 批准, 登记支付, 退回, 不予支付, 全额退回."""
    return await service.act(work, payment_id, action, body, match=match, dry_run=dry_run)
