"""Create, edit, transition and refund payments; each step posts its ledger entry in the same transaction."""

import asyncio
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.service import build_allocation_account
from services.funds.contracts import repository as contracts
from services.funds.findings import Effect
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind, EntryKind, Posting, credit, debit
from services.funds.payments import repository
from services.funds.payments.events import (
    build_clearance_confirmed_event,
    build_cleared_event,
    build_drafted_event,
    build_moved_event,
)
from services.funds.payments.lifecycle import PAYMENT_LIFECYCLE, PaymentAction, PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.payments.rules import (
    IN_TRANSIT_STATES,
    LibraryAnswer,
    ask_monitoring,
    build_library_answer,
    build_voucher_use,
    find_voucher_error,
    get_payment_facts,
    list_findings,
    lock_limits,
)
from services.funds.payments.schemas import (
    PaymentChange,
    PaymentChecks,
    PaymentCreate,
    PaymentDetail,
    PaymentRead,
    PaymentTransitionRequest,
    RefundCreate,
    RefundRead,
)
from services.funds.vouchers import service as vouchers
from services.funds.vouchers.service import REFUND_VOUCHER, VoucherUse
from shared.auth import May, mask_account
from shared.china import format_yuan, normalize_document_no
from shared.clients.funds import PaymentRefunded
from shared.clients.projects import ProjectsClient, ProjectSnapshot, TextScreening
from shared.db import new_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid, Unavailable
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    apply_transition,
    available_actions,
    effective_time,
    entry_time,
)
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def post_transition(
    work: UnitOfWork, payment: Payment, was: PaymentState, action: PaymentAction, reason: str, on: date
) -> None:
    """Post the ledger entry of a transition just made, dated `on`. Invalid before the allocation was issued."""
    allocation = await allocations.get_allocation(work, payment.allocation_id)
    unpaid, applied = (
        build_allocation_account(allocation, AccountKind.UNPAID),
        build_allocation_account(allocation, AccountKind.APPLIED),
    )
    paid, amount = build_allocation_account(allocation, AccountKind.PAID, payment.payee_key), payment.amount
    round_key = f"{payment.id}:{payment.rounds}"
    match action:
        case PaymentAction.SUBMIT:
            payment.applied_on = on
            entry = (
                f"apply:{round_key}",
                EntryKind.APPLICATION,
                [debit(applied, amount), credit(unpaid, amount)],
                on,
            )
        case PaymentAction.RETURN | PaymentAction.REJECT if was in IN_TRANSIT_STATES:
            entry = (
                f"withdraw:{round_key}",
                EntryKind.WITHDRAWAL,
                [debit(unpaid, amount), credit(applied, amount)],
                on,
            )
        case PaymentAction.PAY:
            day = payment.paid_on or on
            entry = (
                f"pay:{payment.id}",
                EntryKind.PAYMENT,
                [debit(paid, amount), credit(applied, amount)],
                day,
            )
        case PaymentAction.REVERSE:
            remaining = amount - payment.refunded
            payment.refunded = amount
            refund = PaymentRefunded(payment_id=payment.id, project_id=payment.project_id, amount=remaining)
            await log_event(work, payment, refund, reason=reason)
            entry = (
                f"reverse:{payment.id}",
                EntryKind.REFUND,
                [debit(unpaid, remaining), credit(paid, remaining)],
                on,
            )
        case _:
            return
    await _post_entry(work, payment, allocation, entry, reason)


EntryDraft = tuple[str, EntryKind, list[Posting], date]


async def _post_entry(
    work: UnitOfWork, payment: Payment, allocation: Allocation, entry: EntryDraft, reason: str
) -> None:
    key, kind, postings, on = entry
    if on < allocation.issued_on:
        raise Invalid(f"日期早于资金下达日期 {allocation.issued_on}", "before the money was issued")
    await ledger.post_entry(
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


async def create_refund(work: UnitOfWork, payment_id: UUID, body: RefundCreate) -> Refund:
    """Register and post a refund. Conflict above the rest of the payment; Forbidden for its submitter (four eyes)."""
    payment = await repository.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SETTLE, payment.region)
    if earlier := await _find_earlier_refund(work, payment, body):
        return earlier
    _require_refundable(work, payment, body)
    await _claim_refund_voucher(work, payment, body)
    refund = Refund(
        id=body.id or new_id(),
        payment_id=payment.id,
        created_at=work.at,
        created_by=work.actor.id,
        **body.model_dump(exclude={"id"}),
    )
    work.session.add(refund)
    await work.session.flush()
    allocation = await allocations.get_allocation(work, payment.allocation_id)
    paid = build_allocation_account(allocation, AccountKind.PAID, payment.payee_key)
    await ledger.post_entry(
        work,
        f"refund:{refund.id}",
        EntryKind.REFUND,
        [
            debit(build_allocation_account(allocation, AccountKind.UNPAID), refund.amount),
            credit(paid, refund.amount),
        ],
        subject=payment.id,
        region=payment.region,
        happened_on=refund.happened_on,
        document_no=refund.voucher_no,
        reason=refund.reason,
    )
    payment.refunded += refund.amount
    event = PaymentRefunded(payment_id=payment.id, project_id=payment.project_id, amount=refund.amount)
    await save_record(work, payment, event, reason=refund.reason)
    if payment.refunded == payment.amount:
        await _close_refunded_payment(work, payment, refund.reason)
    return refund


async def _close_refunded_payment(work: UnitOfWork, payment: Payment, reason: str) -> None:
    """Nothing of the payment is left: it ends in REVERSED, as by the action REVERSE."""
    was = payment.state
    payment.state, payment.state_since = PaymentState.REVERSED, work.at
    event = build_moved_event(payment, was, payment.state)
    await save_record(work, payment, event, before={"state": was}, reason=reason)


async def list_refunds(work: UnitOfWork, payment_id: UUID) -> list[Refund]:
    """List the refunds of a payment. Not scoped: the caller has access to the payment."""
    return await repository.list_refunds(work, payment_id)


async def _find_earlier_refund(work: UnitOfWork, payment: Payment, body: RefundCreate) -> Refund | None:
    for refund in await repository.list_refunds(work, payment.id):
        if refund.id == body.id:
            if refund.amount == body.amount and refund.voucher_no == body.voucher_no:
                return refund
            raise Conflict("这个编号已有内容不同的退款", "This id is taken by another refund")
    return None


async def _claim_refund_voucher(work: UnitOfWork, payment: Payment, body: RefundCreate) -> None:
    """Conflict if the voucher number was used for a refund of this payment, of another payee or on another day."""
    key = normalize_document_no(body.voucher_no)
    for refund in await repository.list_refunds(work, payment.id):
        if normalize_document_no(refund.voucher_no) == key:
            detail = f"退款凭证 {refund.voucher_no} 已登记({format_yuan(refund.amount)} 元, 编号 {refund.id}), 一张凭证只计一次"
            error = FieldError("voucher_used", detail, f"Refund {refund.id} has this voucher", "/voucher_no")
            raise Conflict(detail, error.detail_en, errors=[error])
    use = VoucherUse(
        REFUND_VOUCHER, payment.region, body.voucher_no, payment.payee_key, body.happened_on, payment.id
    )
    await vouchers.claim_voucher(work, use)


def _require_refundable(work: UnitOfWork, payment: Payment, body: RefundCreate) -> None:
    if payment.state is not PaymentState.PAID:
        raise Conflict(f"支付{payment.state.label}, 没有可退的款项", f"The payment is {payment.state}")
    if work.actor.is_same_person(payment.submitted_by):
        raise Forbidden("不能办理本人提交的支付的退款", "Four eyes: another person must")
    remaining = payment.amount - payment.refunded
    if body.amount > remaining:
        raise Conflict(
            f"该笔支付只剩 {format_yuan(remaining)} 元可退", f"{format_yuan(remaining)} is left to refund"
        )
    if payment.paid_on is None or not payment.paid_on <= body.happened_on <= work.today:
        raise Invalid(
            "退款日期须在支付之后, 且不晚于今天",
            "happened_on is before the payment or in the future",
            errors=[FieldError("out_of_range", "日期不在范围内", "out of range", "/happened_on")],
        )


async def create_payment(work: UnitOfWork, body: PaymentCreate) -> Payment:
    """Create a payment in DRAFT state. Nothing is posted before it is submitted."""
    allocation, department = await allocations.get_allocation_and_department(work, body.allocation_id)
    work.actor.require(May.PAYMENT_SUBMIT, allocation.region, department=department)
    await _require_own_contract(work, body, allocation)
    drafted_at = entry_time(body.happened_at, work.at)
    payment_id = body.id or new_id()
    columns = body.model_dump(exclude={"id", "payee_account", "payee_code", "file_ids", "happened_at"})
    ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    payment, _ = await create_record(
        work,
        Payment,
        body,
        event=build_drafted_event,
        region=allocation.region,
        id=payment_id,
        source_id=allocation.source_id,
        project_id=allocation.project_id,
        year=allocation.year,
        payee_code=body.payee_code or "",
        payee_key=body.payee_code or body.payee_name,
        account_sealed=_encrypt_account(work, payment_id, body.payee_account),
        account_masked=mask_account(body.payee_account) if body.payee_account else "",
        file_ids=ids,
        managing_unit=department,
        state=PaymentState.DRAFT,
        state_since=drafted_at,
        **columns,
    )
    return payment


async def _require_own_contract(work: UnitOfWork, body: PaymentCreate, allocation: Allocation) -> None:
    """Invalid if the contract belongs to another project."""
    if body.contract_id is None:
        return
    contract = await contracts.get_contract(work, body.contract_id)
    if contract.project_id != allocation.project_id:
        detail = "合同不属于这个项目"
        raise Invalid(
            detail, "Another project's contract", errors=[FieldError("contract", detail, "", "/contract_id")]
        )


def _encrypt_account(work: UnitOfWork, payment_id: UUID, number: str) -> str:
    return (
        work.context.keyring.encrypt(number, associated_data=f"payment:{payment_id}:account")
        if number
        else ""
    )


async def update_payment(
    work: UnitOfWork, payment_id: UUID, body: PaymentChange, match: VersionMatch
) -> Payment:
    """Change a payment in DRAFT state."""
    payment = await repository.get_payment(work, payment_id, lock=True)
    work.actor.require(May.PAYMENT_SUBMIT, payment.region, department=payment.managing_unit)
    match.require_version(payment)
    if payment.state is not PaymentState.DRAFT:
        raise Conflict(f"支付{payment.state.label}, 不能再修改", f"The payment is {payment.state}")
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    if body.file_ids is not None:
        changes["file_ids"] = [str(file_id) for file_id in body.file_ids]
        await uploads.require_files(work, changes["file_ids"], "/file_ids")
    for name, value in changes.items():
        setattr(payment, name, value)
    state = payment.state
    await save_record(work, payment, build_moved_event(payment, state, state))
    return payment


LIBRARY_ACTIONS = frozenset({PaymentAction.SUBMIT, PaymentAction.REVIEW, PaymentAction.APPROVE})
"""Actions that need a current answer of the projects service."""


async def get_payment_detail(work: UnitOfWork, payment_id: UUID) -> PaymentDetail:
    """Get a payment, its refunds and the actions available to the caller, evaluated with the cached project."""
    payment, records = await repository.get_payment_with_records(work, payment_id)
    project = ProjectSnapshot.model_validate(records.project._asdict()) if records.project else None
    facts = await get_payment_facts(
        work, payment, PaymentTransitionRequest(), LibraryAnswer(project), records
    )
    return PaymentDetail(
        **PaymentRead.model_validate(payment).model_dump(),
        screening=TextScreening.model_validate(payment.screening) if payment.screening else None,
        refunds=[RefundRead.model_validate(refund) for refund in records.refunds],
        available_actions=available_actions(work, PAYMENT_LIFECYCLE, payment, facts),
    )


async def get_payment_checks(work: UnitOfWork, payment_id: UUID) -> PaymentChecks:
    """Findings of every control on the payment now; `missing` names the services that are down."""
    payment, records = await repository.get_payment_with_records(work, payment_id)
    try:
        answer = await _ask_library(work, payment, screen=payment.state is PaymentState.DRAFT)
    except Unavailable:
        answer = LibraryAnswer(None, library_unavailable=True)
    answer = replace(answer, monitoring=await ask_monitoring(work, payment))
    is_unchecked = answer.monitoring is not None and answer.monitoring.unavailable
    findings = await list_findings(work, payment, answer, records)
    return PaymentChecks(
        payment_id=payment.id,
        left=records.unpaid_balance,
        stops=sum(finding.effect is Effect.STOP and not finding.passed for finding in findings),
        warnings=sum(finding.effect is Effect.WARN and not finding.passed for finding in findings),
        findings=findings,
        missing=["projects"] * answer.library_unavailable + ["households"] * is_unchecked,
    )


async def _ask_library(work: UnitOfWork, payment: Payment, *, screen: bool) -> LibraryAnswer:
    """Get the payment's project and, with `screen`, the screening of its purpose from the projects service."""
    client = ProjectsClient(work.service_client("projects"))
    if not screen:
        return build_library_answer(payment.project_id, await client.get_projects([payment.project_id]))
    projects, screening = await asyncio.gather(
        client.get_projects([payment.project_id]),
        client.screen_text(payment.purpose, region=payment.region, year=payment.year),
    )
    return build_library_answer(payment.project_id, projects, screening, payment.purpose)


async def transition_payment(
    work: UnitOfWork,
    payment_id: UUID,
    action: PaymentAction,
    body: PaymentTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Payment:
    """Apply a lifecycle action. The projects service is called before any lock; balances are locked before the guards."""
    answer = LibraryAnswer(None)
    if action in LIBRARY_ACTIONS:
        async with work.context.database.read() as session:
            reading = work.context.unit_of_work(session, work.actor)
            unlocked = await repository.get_payment(reading, payment_id)
            monitoring = await ask_monitoring(reading, unlocked)
        answer = await _ask_library(work, unlocked, screen=action is PaymentAction.SUBMIT)
        answer = replace(answer, monitoring=monitoring)
    payment = await repository.get_payment(work, payment_id, lock=True)
    if action is PaymentAction.SUBMIT and answer.purpose != payment.purpose:
        raise Conflict("用途刚刚被修改, 请重新提交", "The purpose was changed meanwhile")
    was = payment.state
    if action is PaymentAction.SUBMIT and not dry_run:
        await lock_limits(work, payment)
    facts = await get_payment_facts(
        work, payment, body, answer, await repository.list_records(work, payment.id)
    )
    on = effective_time(body, payment.state_since, work.at).astimezone(CHINA_TIME_ZONE).date()
    if action is PaymentAction.PAY and not dry_run:
        payment.voucher_no, payment.paid_on, payment.bank_result = (
            body.voucher_no,
            body.paid_on,
            body.bank_result,
        )
    preview = await apply_transition(
        work,
        PAYMENT_LIFECYCLE,
        payment,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda before, now: build_moved_event(payment, before, now),
    )
    if preview is not None:
        return preview
    if action is PaymentAction.PAY:
        await _claim_payment_voucher(work, payment)
    await _apply_effects(work, payment, action, body, answer.screening, facts.rules)
    await post_transition(work, payment, was, action, body.reason, on)
    work.session.add(payment)
    return payment


async def _claim_payment_voucher(work: UnitOfWork, payment: Payment) -> None:
    """Take the voucher number into use; Conflict if another request used it since the guards were evaluated."""
    if payment.paid_on is None:
        raise ValueError(f"payment {payment.id} was paid on no day")
    await vouchers.claim_voucher(work, build_voucher_use(payment, payment.voucher_no, payment.paid_on))
    if error := await find_voucher_error(work, payment, payment.voucher_no, payment.paid_on):
        raise Conflict(error.detail, error.detail_en, errors=[error])


async def _apply_effects(
    work: UnitOfWork,
    payment: Payment,
    action: PaymentAction,
    body: PaymentTransitionRequest,
    screening: TextScreening | None,
    rules: tuple[str, ...],
) -> None:
    """Record who made the transition, the screening or clearance, and the rules used."""
    match action:
        case PaymentAction.SUBMIT:
            payment.submitted_by, payment.rounds = work.actor.id, payment.rounds + 1
            payment.set_screening(screening)
        case PaymentAction.REVIEW:
            payment.reviewed_by = work.actor.id
            if payment.is_held:
                payment.cleared_by, payment.clearance = work.actor.id, body.clearance.strip()
                await log_event(work, payment, build_cleared_event(payment), reason=payment.clearance)
        case PaymentAction.APPROVE:
            payment.approved_by = work.actor.id
            if payment.cleared_by:
                await log_event(
                    work, payment, build_clearance_confirmed_event(payment), reason=payment.clearance
                )
        case PaymentAction.RETURN:
            payment.submitted_by = payment.reviewed_by = ""
        case _:
            return
    payment.rules_used = sorted({*payment.rules_used, *rules})
