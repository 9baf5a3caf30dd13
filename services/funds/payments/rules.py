"""Load the facts of a payment and evaluate its guards and controls."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.service import build_allocation_account
from services.funds.contracts import repository as contracts
from services.funds.findings import Effect, RuleFinding
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.schemas import build_figures
from services.funds.payments import repository
from services.funds.payments.calculation import (
    CONTROLS,
    MonitoringAnswer,
    PaymentCase,
    PaymentContractFacts,
    evaluate_controls,
    is_for_monitored,
)
from services.funds.payments.lifecycle import PaymentFacts, PaymentState
from services.funds.payments.models import BLOCK_VERDICT, Payment
from services.funds.payments.repository import PaymentRecords
from services.funds.payments.schemas import PayeeKind, PaymentTransitionRequest
from services.funds.policy import PAYMENT_MONITORED
from services.funds.vouchers import service as vouchers
from services.funds.vouchers.service import PAYMENT_VOUCHER, VoucherUse
from shared.china import normalize_document_no
from shared.clients.projects import ProjectSnapshot, TextScreening
from shared.errors import FieldError, Unavailable
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_PERSONS_ASKED = 1000
"""Persons that the monitoring service answers in one request."""
IN_TRANSIT_STATES = frozenset({PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED})
"""States in which the amount is posted to 支付在途."""
ACCEPTED_PROJECT_STATES = frozenset({"accepted", "handed_over", "closed"})
CHECKED_STATES = frozenset({PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED})


@dataclass(frozen=True)
class LibraryAnswer:
    """What other services say of a payment: its project, the screening of its purpose, its payees among monitored households."""

    project: ProjectSnapshot | None
    library_unavailable: bool = False
    screening: TextScreening | None = None
    purpose: str = ""
    """The screened text."""
    monitoring: MonitoringAnswer | None = None


async def ask_monitoring(work: UnitOfWork, payment: Payment) -> MonitoringAnswer | None:
    """Which payees are in no monitored household; None where the rule payment.monitored does not ask.

    The monitoring service learns hashes only and tells no class or cause. While it is down nothing is checked, and the finding says so.
    """
    if payment.payee_kind is not PayeeKind.HOUSEHOLDS:
        return None
    rules = await work.get_rules([PAYMENT_MONITORED], on=work.today, region=payment.region)
    rule = rules.get(PAYMENT_MONITORED.key)
    if rule is None or not is_for_monitored(payment.purpose, rule):
        return None
    marks = await repository.list_card_indexes(work, payment.id)
    asked = sorted(set(marks.values()))
    client, known = work.service_client("households"), set[str]()
    for start in range(0, len(asked), MAX_PERSONS_ASKED):
        body = {"marks": asked[start : start + MAX_PERSONS_ASKED]}
        try:
            answer = await client.post("/internal/household-persons", json=body)
        except Unavailable:
            return MonitoringAnswer(unavailable=True)
        known |= set(answer["marks"])
    others = tuple(position for position, mark in marks.items() if mark not in known)
    return MonitoringAnswer(asked=len(marks), others=others)


async def list_findings(
    work: UnitOfWork, payment: Payment, answer: LibraryAnswer, records: PaymentRecords
) -> list[RuleFinding]:
    """Findings of every control now."""
    on = payment.paid_on or work.today
    rules = await work.get_rules([one.rule for one in CONTROLS], on=on, region=payment.region)
    figures = build_figures(records.stages)
    own_in_transit = payment.amount if payment.state in IN_TRANSIT_STATES else 0
    project = answer.project
    case = PaymentCase(
        on=on,
        amount=payment.amount,
        payee_name=payment.payee_name,
        payee_code=payment.payee_code,
        purpose=payment.purpose,
        advance=payment.advance,
        households=payment.payee_kind is PayeeKind.HOUSEHOLDS,
        allocated=figures.allocated,
        paid=figures.paid + figures.applied - own_in_transit,
        project_state=project.state if project else None,
        project_label=project.state_label if project else "",
        blocked=bool(project and project.blocked),
        physical_percent=project.physical_percent if project else None,
        library_unavailable=answer.library_unavailable,
        contract=_build_contract_facts(records, project),
        screening=answer.screening or _get_stored_screening(payment),
        clearance=payment.clearance,
        same_day=records.same_day,
        same_day_equal=records.same_day_equal,
        paid_on=payment.paid_on,
        year=payment.year,
        monitoring=answer.monitoring,
    )
    return evaluate_controls(case, rules)


def _get_stored_screening(payment: Payment) -> TextScreening | None:
    return TextScreening.model_validate(payment.screening) if payment.screening else None


def _build_contract_facts(
    records: PaymentRecords, project: ProjectSnapshot | None
) -> PaymentContractFacts | None:
    contract = records.contract
    if contract is None:
        return None
    return PaymentContractFacts(
        party=contract.party,
        party_code=contract.party_code,
        amount=contract.payable,
        retention_percent=contract.retention_percent,
        used=records.contract_used,
        advances=records.contract_advances,
        accepted=bool(project and project.state in ACCEPTED_PROJECT_STATES),
        retained=contract.retention_due_on is not None and contract.retention_released_on is None,
    )


async def lock_limits(work: UnitOfWork, payment: Payment) -> None:
    """Lock the contract and the 未支付 account, the limits of a payment, until the transaction ends."""
    if payment.contract_id is not None:
        await contracts.get_contract(work, payment.contract_id, lock=True)
    allocation = await allocations.get_allocation(work, payment.allocation_id)
    await ledger.get_balance(work, build_allocation_account(allocation, AccountKind.UNPAID), lock=True)


async def get_payment_facts(
    work: UnitOfWork,
    payment: Payment,
    request: PaymentTransitionRequest,
    answer: LibraryAnswer,
    records: PaymentRecords,
) -> PaymentFacts:
    """Collect the facts of the guards; a real transition has locked the limits before it read the records."""
    findings = await list_findings(work, payment, answer, records) if payment.state in CHECKED_STATES else []
    return PaymentFacts(
        amount=payment.amount,
        unpaid_balance=records.unpaid_balance,
        documents=len(payment.file_ids),
        reason=request.reason,
        voucher_no=request.voucher_no,
        paid_on=request.paid_on,
        applied_on=payment.applied_on,
        today=work.at.astimezone(CHINA_TIME_ZONE).date(),
        stops=tuple(
            finding.to_field_error()
            for finding in findings
            if finding.effect is Effect.STOP and not finding.passed
        ),
        rules=tuple(sorted({finding.rule for finding in findings})),
        blocking_findings="; ".join(_list_blocking_findings(payment)) if payment.is_held else "",
        clearance=request.clearance,
        cleared=bool(payment.cleared_by),
        confirms_clearance=request.confirms_clearance,
        refunded=payment.refunded,
        voucher_error=await find_voucher_error(work, payment, request.voucher_no, request.paid_on)
        if payment.state is PaymentState.APPROVED
        else None,
        listed_total=records.listed_total if payment.payee_kind is PayeeKind.HOUSEHOLDS else None,
    )


def build_voucher_use(payment: Payment, voucher_no: str, paid_on: date) -> VoucherUse:
    """The use of a voucher number by a payment."""
    return VoucherUse(PAYMENT_VOUCHER, payment.region, voucher_no, payment.payee_key, paid_on, payment.id)


async def find_voucher_error(
    work: UnitOfWork, payment: Payment, voucher_no: str, paid_on: date | None
) -> FieldError | None:
    """What is wrong with a voucher number: another payee or day has it, or another payment out of the same allocation."""
    if not voucher_no or paid_on is None:
        return None
    if error := await vouchers.find_other_use(work, build_voucher_use(payment, voucher_no, paid_on)):
        return error
    key = normalize_document_no(voucher_no)
    for other in await repository.list_paid_from_allocation(work, payment.allocation_id, paid_on, payment.id):
        if normalize_document_no(other.voucher_no) == key:
            detail = f"凭证号 {voucher_no} 已登记在同一笔安排的支付 {other.id}, 一张凭证只计一次"
            return FieldError("voucher_used", detail, f"Payment {other.id} has this voucher", "/voucher_no")
    return None


def _list_blocking_findings(payment: Payment) -> list[str]:
    screening = _get_stored_screening(payment)
    return (
        [finding.explanation for finding in screening.findings if finding.severity == BLOCK_VERDICT]
        if screening
        else []
    )


def build_library_answer(
    project_id: UUID,
    projects: dict[UUID, ProjectSnapshot],
    screening: TextScreening | None = None,
    purpose: str = "",
) -> LibraryAnswer:
    """Pick one project from an answer of the projects service and add the screening."""
    return LibraryAnswer(projects.get(project_id), screening=screening, purpose=purpose)
