"""What each step of a payment does to the ledger, if anything."""

from datetime import date

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.service import account
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind, EntryKind, Posting, credit, debit
from services.funds.payments.facts import AT_WORK
from services.funds.payments.lifecycle import PaymentAction, PaymentState
from services.funds.payments.models import Payment
from shared.errors import Invalid
from shared.work import Work

A, K = PaymentAction, AccountKind


async def post(
    work: Work, payment: Payment, was: PaymentState, action: PaymentAction, reason: str, on: date
) -> None:
    """Post a step that was just made: from `was` by `action`, on a day. Invalid before the money was issued."""
    allocation = await allocations.get(work, payment.allocation_id)
    unpaid, applied = account(allocation, K.UNPAID), account(allocation, K.APPLIED)
    paid, amount = account(allocation, K.PAID, payment.payee_key), payment.amount
    mark = f"{payment.id}:{payment.rounds}"
    match action:
        case A.SUBMIT:
            payment.applied_on = on
            moved = (
                f"apply:{mark}",
                EntryKind.APPLICATION,
                [debit(applied, amount), credit(unpaid, amount)],
                on,
            )
        case A.RETURN | A.REJECT if was in AT_WORK:
            moved = (
                f"withdraw:{mark}",
                EntryKind.WITHDRAWAL,
                [debit(unpaid, amount), credit(applied, amount)],
                on,
            )
        case A.PAY:
            day = payment.paid_on or on
            moved = (
                f"pay:{payment.id}",
                EntryKind.PAYMENT,
                [debit(paid, amount), credit(applied, amount)],
                day,
            )
        case A.REVERSE:
            rest = amount - payment.refunded
            payment.refunded = amount
            moved = (f"reverse:{payment.id}", EntryKind.REFUND, [debit(unpaid, rest), credit(paid, rest)], on)
        case _:
            return
    await _posted(work, payment, allocation, moved, reason)


Moved = tuple[str, EntryKind, list[Posting], date]


async def _posted(work: Work, payment: Payment, allocation: Allocation, moved: Moved, reason: str) -> None:
    key, kind, postings, on = moved
    if on < allocation.issued_on:
        raise Invalid(f"日期早于资金下达日期 {allocation.issued_on}", "before the money was issued")
    await ledger.post(
        work,
        key,
        kind,
        postings,
        subject=payment.id,
        region=payment.region,
        happened_on=on,
        document_no=payment.voucher_no or allocation.document_no,
        reason=reason,
    )
