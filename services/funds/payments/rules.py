"""Load the facts of a payment and evaluate its guards and controls."""

from dataclasses import dataclass
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.service import build_allocation_account
from services.funds.commitments.projects_client import ProjectFacts
from services.funds.contracts import repository as contracts
from services.funds.findings import Effect, Finding
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind
from services.funds.payments import repository as batches
from services.funds.payments.calculation import ContractFacts, PaymentCase, evaluate_controls
from services.funds.payments.lifecycle import PaymentFacts, PaymentState
from services.funds.payments.models import BLOCK_VERDICT, Payment
from services.funds.payments.schemas import PayeeKind, PaymentTransitionRequest
from shared.clients.projects import TextScreening
from shared.rules import list_rules_in_force
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

IN_TRANSIT_STATES = frozenset({PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED})
"""States whose money stands in 支付在途."""
ACCEPTED_PROJECT_STATES = frozenset({"accepted", "handed_over", "closed"})
CHECKED_STATES = frozenset({PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED})


@dataclass(frozen=True)
class LibraryAnswer:
    """What the library said of the payment's project: `silent` when it did not answer."""

    project: ProjectFacts | None
    library_unavailable: bool = False
    screening: TextScreening | None = None
    purpose: str = ""
    """The text that was screened."""


async def list_findings(
    work: UnitOfWork, payment: Payment, asked: LibraryAnswer, *, lock: bool = False
) -> list[Finding]:
    """Every control's finding now; with `lock` its contract cannot be used by others until the transaction ends."""
    on = payment.paid_on or work.today
    rules = {
        rule.key: rule for rule in await list_rules_in_force(work.session, on, payment.region, "payment.")
    }
    held = await ledger.get_figures(work, {"project_id": payment.project_id})
    mine = payment.amount if payment.state in IN_TRANSIT_STATES else 0
    other = await batches.list_same_day_payments(work, payment.payee_key, on, payment.id)
    project = asked.project
    case = PaymentCase(
        on=on,
        amount=payment.amount,
        payee_name=payment.payee_name,
        payee_code=payment.payee_code,
        purpose=payment.purpose,
        advance=payment.advance,
        households=payment.payee_kind is PayeeKind.HOUSEHOLDS,
        allocated=held.allocated,
        paid=held.paid + held.applied - mine,
        project_state=project.state if project else None,
        project_label=project.state_label if project else "",
        blocked=bool(project and project.blocked),
        physical_percent=project.physical_percent if project else None,
        library_unavailable=asked.library_unavailable,
        contract=await _get_contract_facts(work, payment, project, lock=lock),
        screening=asked.screening or _get_stored_screening(payment),
        clearance=payment.clearance,
        same_day=len(other),
        same_day_equal=sum(one.amount == payment.amount for one in other),
    )
    return evaluate_controls(case, rules)


def _get_stored_screening(payment: Payment) -> TextScreening | None:
    return TextScreening.model_validate(payment.screening) if payment.screening else None


async def _get_contract_facts(
    work: UnitOfWork, payment: Payment, project: ProjectFacts | None, *, lock: bool
) -> ContractFacts | None:
    if payment.contract_id is None:
        return None
    contract = await contracts.get_contract(work, payment.contract_id, lock=lock)
    used, advances = await batches.sum_contract_payments(work, contract.id, but=payment.id)
    return ContractFacts(
        party=contract.party,
        party_code=contract.party_code,
        amount=contract.payable,
        retention_percent=contract.retention_percent,
        used=used,
        advances=advances,
        accepted=bool(project and project.state in ACCEPTED_PROJECT_STATES),
    )


async def get_unpaid_balance(work: UnitOfWork, allocation: Allocation, *, lock: bool) -> int:
    """What the allocation still holds unpaid; locked, nobody else can take it until the transaction ends."""
    return await ledger.get_balance(work, build_allocation_account(allocation, AccountKind.UNPAID), lock=lock)


async def get_payment_facts(
    work: UnitOfWork, payment: Payment, act: PaymentTransitionRequest, asked: LibraryAnswer, *, lock: bool
) -> PaymentFacts:
    """What the guards look at, with the balances locked for a real move."""
    found = await list_findings(work, payment, asked, lock=lock) if payment.state in CHECKED_STATES else []
    allocation = await allocations.get_allocation(work, payment.allocation_id)
    return PaymentFacts(
        amount=payment.amount,
        unpaid_balance=await get_unpaid_balance(work, allocation, lock=lock),
        documents=len(payment.file_ids),
        reason=act.reason,
        voucher_no=act.voucher_no,
        paid_on=act.paid_on,
        applied_on=payment.applied_on,
        today=work.at.astimezone(CHINA_TIME_ZONE).date(),
        stops=tuple(one.to_field_error() for one in found if one.effect is Effect.STOP and not one.passed),
        rules=tuple(sorted({one.rule for one in found})),
        blocking_findings="; ".join(_list_blocking_findings(payment)) if payment.is_held else "",
        clearance=act.clearance,
        listed_total=(await batches.sum_beneficiaries(work, payment.id))[1]
        if payment.payee_kind is PayeeKind.HOUSEHOLDS
        else None,
    )


def _list_blocking_findings(payment: Payment) -> list[str]:
    kept = _get_stored_screening(payment)
    return [one.explanation for one in kept.findings if one.severity == BLOCK_VERDICT] if kept else []


def build_library_answer(
    project_id: UUID,
    views: dict[UUID, ProjectFacts],
    screening: TextScreening | None = None,
    purpose: str = "",
) -> LibraryAnswer:
    """What was said of one project and of the purpose of a payment to it."""
    return LibraryAnswer(views.get(project_id), screening=screening, purpose=purpose)
