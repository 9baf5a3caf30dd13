"""Paying: money is set aside at submission and moves with every step, in one transaction with the step."""

from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.service import account
from services.funds.checking.finding import Effect
from services.funds.commitments import library
from services.funds.commitments import service as commitments
from services.funds.contracts import repository as contracts
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind, EntryKind, Posting, credit, debit
from services.funds.payments import repository
from services.funds.payments.facts import AT_WORK, Asked, facts, findings, identify, left
from services.funds.payments.lifecycle import PAYMENT, PaymentAction, PaymentState
from services.funds.payments.models import Payment
from services.funds.payments.schemas import (
    PaymentAct,
    PaymentChange,
    PaymentChecks,
    PaymentCreate,
    PaymentDetail,
    PaymentRead,
    RefundRead,
)
from shared import files
from shared.contracts.funds import PaymentDrafted, PaymentMoved, PaymentPaid
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid, Unavailable
from shared.http import Match
from shared.ids import new_id
from shared.moves import Preview, fire, happened, offers
from shared.permissions import May
from shared.personal import mask_account
from shared.work import CHINA, Work

A, K = PaymentAction, AccountKind
ASKS = frozenset({A.SUBMIT, A.REVIEW, A.APPROVE})
"""Moves that need the project library's word."""


async def apply(work: Work, body: PaymentCreate) -> Payment:
    """A payment application in draft. Nothing is set aside before it is submitted."""
    allocation = await allocations.get(work, body.allocation_id)
    work.actor.require(May.PAYMENT_SUBMIT, allocation.region)
    await _own_contract(work, body, allocation)
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("编制时间不能晚于现在", "happened_at lies in the future")
    payment_id = body.id or new_id()
    columns = body.model_dump(exclude={"id", "payee_account", "payee_code", "file_ids", "happened_at"})
    ids = [str(one) for one in body.file_ids]
    await files.require(work, ids, "/file_ids")
    payment, fresh = await create(
        work,
        Payment,
        body,
        region=allocation.region,
        id=payment_id,
        source_id=allocation.source_id,
        project_id=allocation.project_id,
        year=allocation.year,
        payee_code=body.payee_code or "",
        payee_key=body.payee_code or body.payee_name,
        account_sealed=_sealed(work, payment_id, body.payee_account),
        account_masked=mask_account(body.payee_account) if body.payee_account else "",
        file_ids=ids,
        state=PaymentState.DRAFT,
        state_since=when,
        **columns,
    )
    if fresh:
        await work.tell(_drafted(payment), payment)
    return payment


async def _own_contract(work: Work, body: PaymentCreate, allocation: Allocation) -> None:
    """Invalid when the contract named is another project's."""
    if body.contract_id is None:
        return
    contract = await contracts.get(work, body.contract_id)
    if contract.project_id != allocation.project_id:
        detail = "合同不属于这个项目"
        raise Invalid(
            detail, "Another project's contract", faults=[Fault("contract", detail, "", "/contract_id")]
        )


def _drafted(payment: Payment) -> PaymentDrafted:
    return PaymentDrafted(
        payment_id=payment.id,
        allocation_id=payment.allocation_id,
        project_id=payment.project_id,
        amount=payment.amount,
    )


def _sealed(work: Work, payment_id: UUID, number: str) -> str:
    return work.context.keyring.seal(number, about=f"payment:{payment_id}:account") if number else ""


async def change(work: Work, payment_id: UUID, body: PaymentChange, match: Match) -> Payment:
    """Change a payment that is still being written."""
    payment = await repository.get(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SUBMIT, payment.region)
    match.require(payment)
    if payment.state is not PaymentState.DRAFT:
        raise Conflict(f"支付{payment.state.label}, 不能再修改", f"The payment is {payment.state}")
    given = body.model_dump(exclude_unset=True, exclude_none=True)
    if body.file_ids is not None:
        given["file_ids"] = [str(one) for one in body.file_ids]
        await files.require(work, given["file_ids"], "/file_ids")
    for name, value in given.items():
        setattr(payment, name, value)
    payment.version += 1
    payment.updated_at = work.at
    work.session.add(payment)
    state = payment.state
    await work.tell(_moved(payment, state, state), payment)
    return payment


def _moved(payment: Payment, was: PaymentState, now: PaymentState) -> PaymentMoved | PaymentPaid:
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


async def detail(work: Work, payment_id: UUID) -> PaymentDetail:
    """A payment, its refunds, and what the caller could do with it by what the library last said."""
    payment = await repository.get(work, payment_id)
    said = await commitments.cards(work, [payment.project_id])
    known = await facts(work, payment, PaymentAct(), identify(payment.project_id, said), lock=False)
    return PaymentDetail(
        **PaymentRead.model_validate(payment).model_dump(),
        refunds=[RefundRead.model_validate(one) for one in await repository.refunds(work, payment.id)],
        available_actions=offers(work, PAYMENT, payment, known),
    )


async def checks(work: Work, payment_id: UUID) -> PaymentChecks:
    """What every dated control says of the payment now."""
    payment = await repository.get(work, payment_id)
    asked = await _asked(work, payment.project_id)
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


async def _asked(work: Work, project_id: UUID) -> Asked:
    try:
        return identify(project_id, await library.views(work.peer("projects"), [project_id]))
    except Unavailable:
        return Asked(None, silent=True)


async def act(
    work: Work, payment_id: UUID, action: PaymentAction, body: PaymentAct, *, match: Match, dry_run: bool
) -> Preview | Payment:
    """Take one step. The library is asked before any lock; the balances are locked before any guard."""
    asked = Asked(None)
    if action in ASKS:
        async with work.context.database.read() as session:
            project_id = (await repository.get(work.context.work(session, work.actor), payment_id)).project_id
        asked = identify(project_id, await library.views(work.peer("projects"), [project_id]))
    payment = await repository.get(work, payment_id, lock=True)
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
        event=lambda before, now: _moved(payment, before, now),
    )
    if preview is not None:
        return preview
    _signed(work, payment, action, known.rules)
    await _post(work, payment, was, action, body, on)
    work.session.add(payment)
    return payment


def _signed(work: Work, payment: Payment, action: PaymentAction, rules: tuple[str, ...]) -> None:
    """Who made the step, and by which rules."""
    match action:
        case A.SUBMIT:
            payment.submitted_by, payment.rounds = work.actor.id, payment.rounds + 1
        case A.REVIEW:
            payment.reviewed_by = work.actor.id
        case A.APPROVE:
            payment.approved_by = work.actor.id
        case A.RETURN:
            payment.submitted_by = payment.reviewed_by = ""
        case _:
            return
    payment.rules_used = sorted({*payment.rules_used, *rules})


async def _post(
    work: Work, payment: Payment, was: PaymentState, action: PaymentAction, body: PaymentAct, on: date
) -> None:
    """What the step does to the ledger, if anything."""
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
    await _posted(work, payment, allocation, moved, body.reason)


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
