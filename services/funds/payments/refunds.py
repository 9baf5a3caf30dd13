"""退款: part of what was paid came back, by voucher; what is paid is always net of it."""

from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.service import account
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind, EntryKind, credit, debit
from services.funds.payments import repository
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.payments.schemas import RefundCreate
from shared.contracts.funds import PaymentRefunded
from shared.errors import Conflict, Fault, Forbidden, Invalid
from shared.ids import new_id
from shared.money import yuan
from shared.permissions import May
from shared.work import Work


async def refund(work: Work, payment_id: UUID, body: RefundCreate) -> Refund:
    """Post what came back. Conflict above what is left of the payment; Forbidden for who submitted it (four eyes)."""
    payment = await repository.get(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    if earlier := await _earlier(work, payment, body):
        return earlier
    _refusable(work, payment, body)
    row = Refund(
        id=body.id or new_id(),
        payment_id=payment.id,
        created_at=work.at,
        created_by=work.actor.id,
        **body.model_dump(exclude={"id"}),
    )
    work.session.add(row)
    await work.session.flush()
    allocation = await allocations.get(work, payment.allocation_id)
    paid = account(allocation, AccountKind.PAID, payment.payee_key)
    await ledger.post(
        work,
        f"refund:{row.id}",
        EntryKind.REFUND,
        [debit(account(allocation, AccountKind.UNPAID), row.amount), credit(paid, row.amount)],
        subject=payment.id,
        region=payment.region,
        happened_on=row.happened_on,
        document_no=row.voucher_no,
        reason=row.reason,
    )
    payment.refunded += row.amount
    payment.version += 1
    payment.updated_at = work.at
    work.session.add(payment)
    event = PaymentRefunded(payment_id=payment.id, project_id=payment.project_id, amount=row.amount)
    await work.tell(event, payment, reason=row.reason)
    return row


async def of(work: Work, payment_id: UUID) -> list[Refund]:
    """What came back of a payment the caller was given already."""
    return await repository.refunds(work, payment_id)


async def _earlier(work: Work, payment: Payment, body: RefundCreate) -> Refund | None:
    for row in await repository.refunds(work, payment.id):
        if row.id == body.id:
            if row.amount == body.amount and row.voucher_no == body.voucher_no:
                return row
            raise Conflict("这个编号已有内容不同的退款", "This id is taken by another refund")
    return None


def _refusable(work: Work, payment: Payment, body: RefundCreate) -> None:
    if payment.state is not PaymentState.PAID:
        raise Conflict(f"支付{payment.state.label}, 没有可退的款项", f"The payment is {payment.state}")
    if payment.submitted_by == work.actor.id:
        raise Forbidden("不能办理本人提交的支付的退款", "Four eyes: another person must")
    rest = payment.amount - payment.refunded
    if body.amount > rest:
        raise Conflict(f"该笔支付只剩 {yuan(rest)} 元可退", f"{yuan(rest)} is left to refund")
    if payment.paid_on is None or not payment.paid_on <= body.happened_on <= work.today:
        raise Invalid(
            "退款日期须在支付之后, 且不晚于今天",
            "happened_on is before the payment or in the future",
            faults=[Fault("out_of_range", "日期不在范围内", "out of range", "/happened_on")],
        )
