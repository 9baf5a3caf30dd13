"""Events of a payment."""

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment
from shared.clients.funds import PaymentCleared, PaymentDrafted, PaymentMoved, PaymentPaid


def build_drafted_event(payment: Payment) -> PaymentDrafted:
    """It was written."""
    return PaymentDrafted(
        payment_id=payment.id,
        allocation_id=payment.allocation_id,
        project_id=payment.project_id,
        amount=payment.amount,
    )


def build_moved_event(payment: Payment, was: PaymentState, now: PaymentState) -> PaymentMoved | PaymentPaid:
    """It made a step, or was changed where it stood."""
    if now is PaymentState.PAID and payment.paid_on is not None:
        return PaymentPaid(
            payment_id=payment.id,
            allocation_id=payment.allocation_id,
            project_id=payment.project_id,
            amount=payment.amount,
            paid_on=payment.paid_on,
            voucher_no=payment.voucher_no,
        )
    return PaymentMoved(
        payment_id=payment.id,
        allocation_id=payment.allocation_id,
        project_id=payment.project_id,
        amount=payment.amount,
        was=was,
        now=now,
    )


def build_cleared_event(payment: Payment) -> PaymentCleared:
    """A named person let it pass although the screening of its purpose said block."""
    rules = [str(one["rule"]) for one in payment.screening.get("findings", ()) if one["severity"] == "block"]
    return PaymentCleared(payment_id=payment.id, project_id=payment.project_id, rules=rules)
