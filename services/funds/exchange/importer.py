"""Apply one received row: register or adjust a source, pay, reverse or refund a payment."""

from typing import Any
from uuid import UUID

from services.funds.exchange import repository
from services.funds.exchange.errors import ContentMismatch, DependencyMissing
from services.funds.exchange.schemas import (
    BgtAdjSubRow,
    BgtInfoRow,
    ExchangeKind,
    IncomingRow,
    PayBackRow,
    PayVoucherRow,
)
from services.funds.payments import repository as payments
from services.funds.payments import service as payment_service
from services.funds.payments.lifecycle import PaymentAction, PaymentState
from services.funds.payments.models import Payment
from services.funds.payments.schemas import PaymentTransitionRequest, RefundCreate
from services.funds.policy import EXCHANGE_CODES
from services.funds.sources import repository as sources
from services.funds.sources import service as source_service
from services.funds.sources.schemas import AdjustmentCreate, SourceAdjustmentKind, SourceCreate
from shared.auth import May, normalize_text
from shared.china import format_yuan, normalize_document_no
from shared.errors import Forbidden, Invalid, NotFound
from shared.http import VersionMatch
from shared.unit_of_work import UnitOfWork


async def get_locked_payment(work: UnitOfWork, payment_id: UUID) -> Payment:
    """Get and lock the payment of a row; DependencyMissing if it is not in the sender's regions."""
    try:
        return await payments.get_payment(work, payment_id, lock=True)
    except NotFound:
        raise DependencyMissing(
            f"没有支付申请 {payment_id}", "No such payment yet", payment=payment_id
        ) from None


def describe_difference(applied: dict[str, Any], row: IncomingRow) -> str:
    """Describe how a row differs from the applied row with the same key."""
    received = row.model_dump(mode="json")
    changes = [
        f"{name} {applied.get(name)} → {value}"
        for name, value in received.items()
        if applied.get(name) != value
    ]
    return f"同一主键此前已入账, 内容有变: {'; '.join(changes)[:500]}"


UNPAID_STATES = frozenset(
    {PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED}
)


async def apply_adjustment(work: UnitOfWork, row: BgtAdjSubRow) -> tuple[str, str]:
    """Register 追加 or 追减 of a document and the opposite of its origin document; return (region, adjustment id)."""
    if not row.ADD_AMOUNT:
        raise Invalid("调整金额不能为零", "ADD_AMOUNT is zero")
    target = await _get_source_id(work, row.BGT_ID)
    origin = await _get_source_id(work, row.ORI_BGT_ID) if row.ORI_BGT_ID not in {"", row.BGT_ID} else None
    # Both documents are locked in the order of their ids before any check, so that two rows never deadlock.
    for document_id in sorted([target] if origin is None else [target, origin], key=str):
        source = await sources.get_source(work, document_id, lock=True)
        work.actor.require(May.SOURCE_REGISTER, source.region)
    await _require_new_key(work, row)
    region = (await sources.get_source(work, target)).region
    duplicate = await _find_matching_adjustment(work, target, row.ADD_AMOUNT, row)
    if duplicate is not None:
        return region, str(duplicate)
    if origin is not None:
        await source_service.create_adjustment(work, origin, _build_adjustment(-row.ADD_AMOUNT, row))
    adjustment = await source_service.create_adjustment(work, target, _build_adjustment(row.ADD_AMOUNT, row))
    return region, str(adjustment.id)


async def _get_source_id(work: UnitOfWork, bgt_id: str) -> UUID:
    applied = await repository.find_applied_row(work, ExchangeKind.BGT_INFO, bgt_id)
    if applied is None:
        raise DependencyMissing(f"还没有收到指标 {bgt_id}", "No such document yet", document=bgt_id)
    return UUID(applied.subject)


async def _require_new_key(work: UnitOfWork, row: IncomingRow) -> None:
    """ContentMismatch if the key was applied with other content. Called under the lock of the records it changes."""
    applied = await repository.find_applied_row(work, row.kind, row.key)
    if applied is not None:
        raise ContentMismatch(
            describe_difference(applied.content, row), "This key was received with other content"
        )


def _build_adjustment(amount: int, row: BgtAdjSubRow) -> AdjustmentCreate:
    return AdjustmentCreate(
        kind=SourceAdjustmentKind.ADDITION if amount > 0 else SourceAdjustmentKind.REDUCTION,
        amount=format_yuan(abs(amount)),
        document_no=row.BAT_NUM or f"调整明细 {row.ADJ_SUB_ID}",
        happened_on=row.ADJ_DATE,
        reason=f"财政指标调整明细 {row.ADJ_SUB_ID}",
    )


async def _find_matching_adjustment(
    work: UnitOfWork, source_id: UUID, amount: int, row: BgtAdjSubRow
) -> UUID | None:
    """Find the same adjustment entered by hand, unless it is the subject of another applied row."""
    expected = _build_adjustment(amount, row)
    matching_ids = [
        adjustment.id
        for adjustment in await sources.list_adjustments(work, source_id)
        if (adjustment.kind, adjustment.amount, adjustment.happened_on)
        == (expected.kind, expected.amount, expected.happened_on)
        and normalize_document_no(adjustment.document_no) == normalize_document_no(expected.document_no)
    ]
    used_subjects = await repository.list_applied_subjects(work, ExchangeKind.BGT_ADJSUB, matching_ids)
    return next((matching_id for matching_id in matching_ids if str(matching_id) not in used_subjects), None)


async def apply_refund(work: UnitOfWork, row: PayBackRow) -> tuple[str, str]:
    """Register a partial refund; a refund with the same voucher and amount counts as this one. Return (region, payment id)."""
    payment = await get_locked_payment(work, row.PAY_APP_ID)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    await _require_new_key(work, row)
    if payment.state in UNPAID_STATES:
        detail = f"支付申请{payment.state.label}, 尚未支付, 没有可退的款项"
        raise DependencyMissing(detail, f"The payment is {payment.state}", payment=payment.id)
    for refund in await payment_service.list_refunds(work, payment.id):
        if normalize_document_no(refund.voucher_no) == normalize_document_no(row.PAY_CERT_ID):
            if refund.amount == row.BACK_AMT:
                return payment.region, str(payment.id)
            difference = f"我方 {format_yuan(refund.amount)} 元, 财政 {format_yuan(row.BACK_AMT)} 元"
            raise ContentMismatch(f"退款凭证 {row.PAY_CERT_ID} 金额不符: {difference}", "The amounts differ")
    body = RefundCreate(
        amount=format_yuan(row.BACK_AMT),
        voucher_no=row.PAY_CERT_ID,
        happened_on=row.BACK_DATE,
        reason=f"财政退款 {row.PAY_BACK_ID}: {row.BACK_REASON or '未说明'}",
    )
    await payment_service.create_refund(work, payment.id, body)
    return payment.region, str(payment.id)


UNAPPROVED_STATES = frozenset({PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED})

REQUIRED_PERMISSIONS = {
    ExchangeKind.BGT_INFO: May.SOURCE_REGISTER,
    ExchangeKind.BGT_ADJSUB: May.SOURCE_REGISTER,
    ExchangeKind.PAY_VOUCHER: May.PAYMENT_SETTLE,
    ExchangeKind.PAY_BACK: May.PAYMENT_SETTLE,
}


async def apply_row(work: UnitOfWork, row: IncomingRow) -> tuple[str, str]:
    """Apply a row: (region, id of our record). DependencyMissing or ContentMismatch if it cannot be applied.

    The permission is checked first: a waiting row is retried later without its sender's token.
    """
    if not work.actor.can(REQUIRED_PERMISSIONS[row.kind]):
        label = REQUIRED_PERMISSIONS[row.kind].label
        raise Forbidden(f"您的客户端没有“{label}”权限", f"Your client lacks {REQUIRED_PERMISSIONS[row.kind]}")
    match row:
        case BgtInfoRow():
            return await _apply_document(work, row)
        case PayVoucherRow():
            return await _apply_voucher(work, row)
        case BgtAdjSubRow():
            return await apply_adjustment(work, row)
        case PayBackRow():
            return await apply_refund(work, row)
        case _:
            raise AssertionError(f"no effect for {row.kind}")


async def _apply_document(work: UnitOfWork, row: BgtInfoRow) -> tuple[str, str]:
    region = row.MOF_DIV_CODE.ljust(12, "0")
    work.actor.require(May.SOURCE_REGISTER, region)
    if row.IS_DELETED not in {"0", ""}:
        raise ContentMismatch(
            "财政方标记为已删除, 请凭追减或收回文件在指标调整中办理", "Deleted on their side"
        )
    applied = await repository.find_applied_row(work, ExchangeKind.BGT_INFO, row.BGT_ID)
    if applied is not None:
        raise ContentMismatch(
            describe_difference(applied.content, row), "This key was received with other content"
        )
    body = await _build_source(work, row, region)
    columns = body.model_dump(exclude={"id", "region", "file_ids"})
    duplicate = await sources.find_duplicate(work, {**columns, "region": region})
    if duplicate is None:
        return region, str((await source_service.create_source(work, body)).id)
    if duplicate.amount != row.AMOUNT:
        gap = format_yuan(row.AMOUNT - duplicate.amount)
        ours, theirs = format_yuan(duplicate.amount), format_yuan(row.AMOUNT)
        detail = f"{duplicate.document_no} 我方登记 {ours} 元, 财政 {theirs} 元, 相差 {gap} 元"
        raise ContentMismatch(detail, "The amounts differ")
    return region, str(duplicate.id)


async def _build_source(work: UnitOfWork, row: BgtInfoRow, region: str) -> SourceCreate:
    codes = (await work.get_rule(EXCHANGE_CODES, on=row.DOC_DATE, region=region)).value
    level = codes.level.get(row.BUDGET_LEVEL_CODE)
    if level is None:
        raise Invalid(f"未知的预算级次代码 {row.BUDGET_LEVEL_CODE}", "Unknown level code")
    transfer_code = row.TRACK_PRO_CODE or row.PRO_CODE
    received = max(row.DOC_DATE, row.CREATE_TIME) if row.CREATE_TIME else row.DOC_DATE
    if received > work.today:
        raise Invalid(f"日期 {received} 晚于今天", "lies in the future")
    return SourceCreate(
        region=region,
        document_no=row.COR_BGT_DOC_NO,
        upper_document_no=row.SUP_BGT_DOC_NO,
        title=row.BGT_DOC_TITLE,
        fiscal_year=int(row.FISCAL_YEAR),
        level=level,
        fund=codes.fund.get(transfer_code, codes.fund[""]),
        task=codes.task.get(row.TASK_NO, codes.task[""]),
        transfer_code=transfer_code,
        function_subject=row.EXP_FUNC_CODE,
        government_subject=row.GOV_BGT_ECO_CODE,
        department_subject=row.DEP_BGT_ECO_CODE,
        amount=format_yuan(row.AMOUNT),
        document_date=row.DOC_DATE,
        received_on=received,
    )


async def _apply_voucher(work: UnitOfWork, row: PayVoucherRow) -> tuple[str, str]:
    payment = await get_locked_payment(work, row.PAY_APP_ID)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    _require_agreement(payment, row)
    if row.IS_DELETED not in {"0", ""}:
        return await _apply_reversal(work, payment, row)
    if payment.state in UNAPPROVED_STATES:
        detail = f"支付申请{payment.state.label}, 尚未批准"
        raise DependencyMissing(detail, f"The payment is {payment.state}", payment=payment.id)
    if payment.state is PaymentState.PAID:
        same_number = normalize_document_no(payment.voucher_no) == normalize_document_no(row.PAY_CERT_ID)
        if same_number and payment.paid_on == row.CREATE_DATE:
            return payment.region, str(payment.id)
        detail = f"我方已登记凭证 {payment.voucher_no}({payment.paid_on}), 财政为 {row.PAY_CERT_ID}({row.CREATE_DATE})"
        raise ContentMismatch(detail, "Paid already under another voucher")
    if payment.state is not PaymentState.APPROVED:
        raise ContentMismatch(f"我方支付申请{payment.state.label}", f"The payment is {payment.state}")
    request = PaymentTransitionRequest(
        voucher_no=row.PAY_CERT_ID, paid_on=row.CREATE_DATE, bank_result=row.USE_DES
    )
    await _transition_payment(work, payment.id, PaymentAction.PAY, request)
    return payment.region, str(payment.id)


def _require_agreement(payment: Payment, row: PayVoucherRow) -> None:
    if payment.amount != row.XPAY_AMT:
        gap = format_yuan(row.XPAY_AMT - payment.amount)
        detail = f"金额不符: 我方 {format_yuan(payment.amount)} 元, 财政 {format_yuan(row.XPAY_AMT)} 元, 相差 {gap} 元"
        raise ContentMismatch(detail, "The amounts differ")
    if row.PAYEE_ACCT_NAME and normalize_text(row.PAYEE_ACCT_NAME) != normalize_text(payment.payee_name):
        detail = f"收款人不符: 我方 {payment.payee_name}, 财政 {row.PAYEE_ACCT_NAME}"
        raise ContentMismatch(detail, "The payees differ")


async def _apply_reversal(work: UnitOfWork, payment: Payment, row: PayVoucherRow) -> tuple[str, str]:
    if payment.state is PaymentState.REVERSED:
        return payment.region, str(payment.id)
    if payment.state is not PaymentState.PAID:
        detail = f"支付申请{payment.state.label}, 尚未支付, 不能退回"
        raise DependencyMissing(detail, f"The payment is {payment.state}", payment=payment.id)
    if normalize_document_no(payment.voucher_no) != normalize_document_no(row.PAY_CERT_ID):
        detail = f"退回的凭证 {row.PAY_CERT_ID} 不是我方登记的 {payment.voucher_no}"
        raise ContentMismatch(detail, "Another voucher")
    reason = f"财政退回凭证 {row.PAY_CERT_ID}: {row.USE_DES or '未说明'}"
    await _transition_payment(
        work, payment.id, PaymentAction.REVERSE, PaymentTransitionRequest(reason=reason)
    )
    return payment.region, str(payment.id)


async def _transition_payment(
    work: UnitOfWork, payment_id: UUID, action: PaymentAction, request: PaymentTransitionRequest
) -> None:
    await payment_service.transition_payment(
        work, payment_id, action, request, match=VersionMatch(None), dry_run=False
    )
