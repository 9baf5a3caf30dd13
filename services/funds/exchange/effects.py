"""What a row does to our books: a fund document is registered, a payment is paid or comes back."""

from uuid import UUID

from services.funds.exchange import repository
from services.funds.exchange.changes import adjusted, paid_back
from services.funds.exchange.early import Contradiction, NotYet, changed, known_payment
from services.funds.exchange.kinds import ExchangeKind
from services.funds.exchange.schemas import BgtAdjSubRow, BgtInfoRow, PayBackRow, PayVoucherRow, SentRow
from services.funds.payments import service as paying
from services.funds.payments.lifecycle import PaymentAction, PaymentState
from services.funds.payments.models import Payment
from services.funds.payments.schemas import PaymentAct
from services.funds.sources import repository as sources
from services.funds.sources import service as registering
from services.funds.sources.schemas import SourceCreate
from shared.errors import Forbidden, Invalid
from shared.http import Match
from shared.money import yuan
from shared.permissions import May
from shared.personal import normal
from shared.work import Work

EARLY = frozenset({PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED})

NEEDS = {
    ExchangeKind.BGT_INFO: May.SOURCE_REGISTER,
    ExchangeKind.BGT_ADJSUB: May.SOURCE_REGISTER,
    ExchangeKind.PAY_VOUCHER: May.PAYMENT_SETTLE,
    ExchangeKind.PAY_BACK: May.PAYMENT_SETTLE,
}


async def effect(work: Work, row: SentRow) -> tuple[str, str]:
    """Make the row take effect: (region, id of our record). NotYet, or a refusal that says what contradicts it.

    Who may not do it at all is told so before anything waits: what waits is done later without its sender's token.
    """
    if not work.actor.can(NEEDS[row.kind]):
        label = NEEDS[row.kind].label
        raise Forbidden(f"您的客户端没有“{label}”权限", f"Your client lacks {NEEDS[row.kind]}")
    match row:
        case BgtInfoRow():
            return await _document(work, row)
        case PayVoucherRow():
            return await _voucher(work, row)
        case BgtAdjSubRow():
            return await adjusted(work, row)
        case PayBackRow():
            return await paid_back(work, row)
        case _:
            raise AssertionError(f"no effect for {row.kind}")


async def _document(work: Work, row: BgtInfoRow) -> tuple[str, str]:
    region = row.MOF_DIV_CODE.ljust(12, "0")
    work.actor.require(May.SOURCE_REGISTER, region)
    if row.IS_DELETED not in {"0", ""}:
        raise Contradiction("财政方标记为已删除, 请凭追减或收回文件在指标调整中办理", "Deleted on their side")
    known = await repository.applied(work, ExchangeKind.BGT_INFO, row.BGT_ID)
    if known is not None:
        raise Contradiction(changed(known.content, row), "This key was received with other content")
    body = await _source(work, row, region)
    columns = body.model_dump(exclude={"id", "region", "file_ids"})
    twin = await sources.twin(work, {**columns, "region": region})
    if twin is None:
        return region, str((await registering.register(work, body)).id)
    if twin.amount != row.AMOUNT:
        detail = f"{twin.document_no} 我方登记 {yuan(twin.amount)} 元, 财政 {yuan(row.AMOUNT)} 元, 相差 {yuan(row.AMOUNT - twin.amount)} 元"
        raise Contradiction(detail, "The amounts differ")
    return region, str(twin.id)


async def _source(work: Work, row: BgtInfoRow, region: str) -> SourceCreate:
    codes = (await work.rule("exchange.codes", on=row.DOC_DATE, region=region)).value
    level = codes["level"].get(row.BUDGET_LEVEL_CODE)
    if level is None:
        raise Invalid(f"未知的预算级次代码 {row.BUDGET_LEVEL_CODE}", "Unknown level code")
    transfer = row.TRACK_PRO_CODE or row.PRO_CODE
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
        fund=codes["fund"].get(transfer, codes["fund"][""]),
        task=codes["task"].get(row.TASK_NO, codes["task"][""]),
        transfer_code=transfer,
        function_subject=row.EXP_FUNC_CODE,
        government_subject=row.GOV_BGT_ECO_CODE,
        department_subject=row.DEP_BGT_ECO_CODE,
        amount=yuan(row.AMOUNT),
        document_date=row.DOC_DATE,
        received_on=received,
    )


async def _voucher(work: Work, row: PayVoucherRow) -> tuple[str, str]:
    payment = await known_payment(work, row.PAY_APP_ID)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    _agrees(payment, row)
    if row.IS_DELETED not in {"0", ""}:
        return await _reversed(work, payment, row)
    if payment.state in EARLY:
        detail = f"支付申请{payment.state.label}, 尚未批准"
        raise NotYet(detail, f"The payment is {payment.state}", payment=payment.id)
    if payment.state is PaymentState.PAID:
        if (payment.voucher_no, payment.paid_on) == (row.PAY_CERT_ID, row.CREATE_DATE):
            return payment.region, str(payment.id)
        detail = f"我方已登记凭证 {payment.voucher_no}({payment.paid_on}), 财政为 {row.PAY_CERT_ID}({row.CREATE_DATE})"
        raise Contradiction(detail, "Paid already under another voucher")
    if payment.state is not PaymentState.APPROVED:
        raise Contradiction(f"我方支付申请{payment.state.label}", f"The payment is {payment.state}")
    act = PaymentAct(voucher_no=row.PAY_CERT_ID, paid_on=row.CREATE_DATE, bank_result=row.USE_DES)
    await _step(work, payment.id, PaymentAction.PAY, act)
    return payment.region, str(payment.id)


def _agrees(payment: Payment, row: PayVoucherRow) -> None:
    if payment.amount != row.XPAY_AMT:
        gap = yuan(row.XPAY_AMT - payment.amount)
        detail = f"金额不符: 我方 {yuan(payment.amount)} 元, 财政 {yuan(row.XPAY_AMT)} 元, 相差 {gap} 元"
        raise Contradiction(detail, "The amounts differ")
    if row.PAYEE_ACCT_NAME and normal(row.PAYEE_ACCT_NAME) != normal(payment.payee_name):
        detail = f"收款人不符: 我方 {payment.payee_name}, 财政 {row.PAYEE_ACCT_NAME}"
        raise Contradiction(detail, "The payees differ")


async def _reversed(work: Work, payment: Payment, row: PayVoucherRow) -> tuple[str, str]:
    if payment.state is PaymentState.REVERSED:
        return payment.region, str(payment.id)
    if payment.state is not PaymentState.PAID:
        detail = f"支付申请{payment.state.label}, 尚未支付, 不能退回"
        raise NotYet(detail, f"The payment is {payment.state}", payment=payment.id)
    if payment.voucher_no != row.PAY_CERT_ID:
        detail = f"退回的凭证 {row.PAY_CERT_ID} 不是我方登记的 {payment.voucher_no}"
        raise Contradiction(detail, "Another voucher")
    reason = f"财政退回凭证 {row.PAY_CERT_ID}: {row.USE_DES or '未说明'}"
    await _step(work, payment.id, PaymentAction.REVERSE, PaymentAct(reason=reason))
    return payment.region, str(payment.id)


async def _step(work: Work, payment_id: UUID, action: PaymentAction, act: PaymentAct) -> None:
    await paying.act(work, payment_id, action, act, match=Match(None), dry_run=False)
