"""What came after: a fund document is adjusted, part of a payment comes back."""

from uuid import UUID

from services.funds.exchange import repository
from services.funds.exchange.early import Contradiction, NotYet, changed, known_payment
from services.funds.exchange.kinds import ExchangeKind
from services.funds.exchange.schemas import BgtAdjSubRow, PayBackRow, SentRow
from services.funds.payments import refunds
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.schemas import RefundCreate
from services.funds.sources import repository as sources
from services.funds.sources import service as registering
from services.funds.sources.kinds import Adjustment
from services.funds.sources.schemas import AdjustmentCreate
from shared.errors import Invalid
from shared.money import yuan
from shared.permissions import May
from shared.work import Work

UNPAID = frozenset({PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED})


async def adjusted(work: Work, row: BgtAdjSubRow) -> tuple[str, str]:
    """追加 or 追减 of one document, and the other way round of the one it is taken from; the id is the adjustment's."""
    if not row.ADD_AMOUNT:
        raise Invalid("调整金额不能为零", "ADD_AMOUNT is zero")
    target = await _document(work, row.BGT_ID)
    origin = await _document(work, row.ORI_BGT_ID) if row.ORI_BGT_ID not in {"", row.BGT_ID} else None
    # Both documents are locked, in the order of their ids, before anything is decided.
    for one in sorted([target] if origin is None else [target, origin], key=str):
        source = await sources.get(work, one, lock=True)
        work.actor.require(May.SOURCE_REGISTER, source.region)
    await _once(work, row)
    region = (await sources.get(work, target)).region
    twin = await _entered(work, target, row.ADD_AMOUNT, row)
    if twin is not None:
        return region, str(twin)
    if origin is not None:
        await registering.adjust(work, origin, _said(-row.ADD_AMOUNT, row))
    made = await registering.adjust(work, target, _said(row.ADD_AMOUNT, row))
    return region, str(made.id)


async def _document(work: Work, bgt_id: str) -> UUID:
    known = await repository.applied(work, ExchangeKind.BGT_INFO, bgt_id)
    if known is None:
        raise NotYet(f"还没有收到指标 {bgt_id}", "No such document yet", document=bgt_id)
    return UUID(known.subject)


async def _once(work: Work, row: SentRow) -> None:
    """Contradiction when this key took effect with other content; asked under the lock of what it changes."""
    known = await repository.applied(work, row.kind, row.key)
    if known is not None:
        raise Contradiction(changed(known.content, row), "This key was received with other content")


def _said(amount: int, row: BgtAdjSubRow) -> AdjustmentCreate:
    return AdjustmentCreate(
        kind=Adjustment.ADDITION if amount > 0 else Adjustment.REDUCTION,
        amount=yuan(abs(amount)),
        document_no=row.BAT_NUM or f"调整明细 {row.ADJ_SUB_ID}",
        happened_on=row.ADJ_DATE,
        reason=f"财政指标调整明细 {row.ADJ_SUB_ID}",
    )


async def _entered(work: Work, source_id: UUID, amount: int, row: BgtAdjSubRow) -> UUID | None:
    """The same adjustment as somebody entered it by hand, unless it stands for another of their rows already."""
    said = _said(amount, row)
    alike = [
        one.id
        for one in await sources.adjustments(work, source_id)
        if (one.kind, one.amount, one.document_no, one.happened_on)
        == (said.kind, said.amount, said.document_no, said.happened_on)
    ]
    taken = await repository.subjects(work, ExchangeKind.BGT_ADJSUB, alike)
    return next((one for one in alike if str(one) not in taken), None)


async def paid_back(work: Work, row: PayBackRow) -> tuple[str, str]:
    """Part of a payment came back; one that was entered by hand under the same voucher is that one."""
    payment = await known_payment(work, row.PAY_APP_ID)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    await _once(work, row)
    if payment.state in UNPAID:
        detail = f"支付申请{payment.state.label}, 尚未支付, 没有可退的款项"
        raise NotYet(detail, f"The payment is {payment.state}", payment=payment.id)
    for known in await refunds.of(work, payment.id):
        if known.voucher_no == row.PAY_CERT_ID:
            if known.amount == row.BACK_AMT:
                return payment.region, str(payment.id)
            gap = f"我方 {yuan(known.amount)} 元, 财政 {yuan(row.BACK_AMT)} 元"
            raise Contradiction(f"退款凭证 {row.PAY_CERT_ID} 金额不符: {gap}", "The amounts differ")
    body = RefundCreate(
        amount=yuan(row.BACK_AMT),
        voucher_no=row.PAY_CERT_ID,
        happened_on=row.BACK_DATE,
        reason=f"财政退款 {row.PAY_BACK_ID}: {row.BACK_REASON or '未说明'}",
    )
    await refunds.refund(work, payment.id, body)
    return payment.region, str(payment.id)
