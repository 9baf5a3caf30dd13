"""Events of a payment."""

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment
from shared.clients.funds import (
    PaymentClearanceConfirmed,
    PaymentCleared,
    PaymentDrafted,
    PaymentMoved,
    PaymentPaid,
)


def build_drafted_event(payment: Payment) -> PaymentDrafted:
    """Event of a new payment."""
    return PaymentDrafted(
        payment_id=payment.id,
        allocation_id=payment.allocation_id,
        project_id=payment.project_id,
        amount=payment.amount,
    )


def build_moved_event(payment: Payment, was: PaymentState, now: PaymentState) -> PaymentMoved | PaymentPaid:
    """Event of a transition, or of a change within a state (`was` equals `now`)."""
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
    """Event of a reviewer's clearance of a payment whose screening verdict is BLOCK."""
    return PaymentCleared(
        payment_id=payment.id, project_id=payment.project_id, rules=_list_blocking_rules(payment)
    )


def build_clearance_confirmed_event(payment: Payment) -> PaymentClearanceConfirmed:
    """Event of the approver's confirmation of a clearance: both names."""
    return PaymentClearanceConfirmed(
        payment_id=payment.id,
        project_id=payment.project_id,
        rules=_list_blocking_rules(payment),
        cleared_by=payment.cleared_by,
        confirmed_by=payment.approved_by,
    )


def _list_blocking_rules(payment: Payment) -> list[str]:
    return [
        str(finding["rule"])
        for finding in payment.screening.get("findings", ())
        if finding["severity"] == "block"
    ]
