"""Paying: money is set aside at submission and moves with every step, in one transaction with the step."""

import asyncio
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.checking.finding import Effect
from services.funds.commitments import library
from services.funds.commitments import service as commitments
from services.funds.payments import repository
from services.funds.payments.facts import Asked, facts, findings, identify, left
from services.funds.payments.lifecycle import PAYMENT, PaymentAction, PaymentState
from services.funds.payments.models import Payment
from services.funds.payments.postings import post
from services.funds.payments.schemas import PaymentAct, PaymentChecks, PaymentDetail, PaymentRead, RefundRead
from services.funds.payments.telling import cleared, moved
from shared.contracts.projects import TextScreening
from shared.errors import Conflict, Unavailable
from shared.http import Match
from shared.moves import Preview, fire, happened, offers
from shared.work import CHINA, Work

A = PaymentAction
ASKS = frozenset({A.SUBMIT, A.REVIEW, A.APPROVE})
"""Moves that need the project library's word."""


async def detail(work: Work, payment_id: UUID) -> PaymentDetail:
    """A payment, its refunds, and what the caller could do with it by what the library last said."""
    payment = await repository.get(work, payment_id)
    said = await commitments.cards(work, [payment.project_id])
    known = await facts(work, payment, PaymentAct(), identify(payment.project_id, said), lock=False)
    return PaymentDetail(
        **PaymentRead.model_validate(payment).model_dump(),
        screening=TextScreening.model_validate(payment.screening) if payment.screening else None,
        refunds=[RefundRead.model_validate(one) for one in await repository.refunds(work, payment.id)],
        available_actions=offers(work, PAYMENT, payment, known),
    )


async def checks(work: Work, payment_id: UUID) -> PaymentChecks:
    """What every dated control says of the payment now."""
    payment = await repository.get(work, payment_id)
    try:
        asked = await _asked(work, payment, screen=payment.state is PaymentState.DRAFT)
    except Unavailable:
        asked = Asked(None, silent=True)
    found = await findings(work, payment, asked)
    allocation = await allocations.get(work, payment.allocation_id)
    return PaymentChecks(
        payment_id=payment.id,
        left=await left(work, allocation, lock=False),
        stops=sum(one.effect is Effect.STOP and not one.passed for one in found),
        warnings=sum(one.effect is Effect.WARN and not one.passed for one in found),
        findings=found,
        missing=["projects"] if asked.silent else [],
    )


async def _asked(work: Work, payment: Payment, *, screen: bool) -> Asked:
    """What the library says of the payment's project and, where it is still to be judged, of its purpose."""
    peer = work.peer("projects")
    if not screen:
        return identify(payment.project_id, await library.views(peer, [payment.project_id]))
    views, said = await asyncio.gather(
        library.views(peer, [payment.project_id]),
        library.screen(peer, payment.purpose, payment.region, payment.year),
    )
    return identify(payment.project_id, views, said, payment.purpose)


async def act(
    work: Work, payment_id: UUID, action: PaymentAction, body: PaymentAct, *, match: Match, dry_run: bool
) -> Preview | Payment:
    """Take one step. The library is asked before any lock; the balances are locked before any guard."""
    asked = Asked(None)
    if action in ASKS:
        async with work.context.database.read() as session:
            seen = await repository.get(work.context.work(session, work.actor), payment_id)
        asked = await _asked(work, seen, screen=action is A.SUBMIT)
    payment = await repository.get(work, payment_id, lock=True)
    if action is A.SUBMIT and asked.purpose != payment.purpose:
        raise Conflict("用途刚刚被修改, 请重新提交", "The purpose was changed meanwhile")
    was = payment.state
    known = await facts(work, payment, body, asked, lock=action is A.SUBMIT and not dry_run)
    on = happened(body, payment.state_since, work.at).astimezone(CHINA).date()
    if action is A.PAY and not dry_run:
        payment.voucher_no, payment.paid_on, payment.bank_result = (
            body.voucher_no,
            body.paid_on,
            body.bank_result,
        )
    preview = await fire(
        work,
        PAYMENT,
        payment,
        action,
        known,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda before, now: moved(payment, before, now),
    )
    if preview is not None:
        return preview
    await _signed(work, payment, action, body, asked.screening, known.rules)
    await post(work, payment, was, action, body.reason, on)
    work.session.add(payment)
    return payment


async def _signed(
    work: Work,
    payment: Payment,
    action: PaymentAction,
    body: PaymentAct,
    said: TextScreening | None,
    rules: tuple[str, ...],
) -> None:
    """Who made the step, and by which rules."""
    match action:
        case A.SUBMIT:
            payment.submitted_by, payment.rounds = work.actor.id, payment.rounds + 1
            payment.keep_screening(said)
        case A.REVIEW:
            payment.reviewed_by = work.actor.id
            if payment.held:
                payment.cleared_by, payment.clearance = work.actor.id, body.clearance.strip()
                await work.tell(cleared(payment), payment, reason=payment.clearance)
        case A.APPROVE:
            payment.approved_by = work.actor.id
        case A.RETURN:
            payment.submitted_by = payment.reviewed_by = ""
        case _:
            return
    payment.rules_used = sorted({*payment.rules_used, *rules})
