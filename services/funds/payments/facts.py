"""A payment joined with its project, contract and allocation: the facts behind its guards and controls."""

from dataclasses import dataclass
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.allocations.service import account
from services.funds.batches import repository as batches
from services.funds.checking.finding import Effect, Finding
from services.funds.commitments.project import LibraryProject
from services.funds.contracts import repository as contracts
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKind
from services.funds.payments import repository
from services.funds.payments.controls import ContractFacts, PaymentCase, examine
from services.funds.payments.kinds import PayeeKind
from services.funds.payments.lifecycle import PaymentFacts, PaymentState
from services.funds.payments.models import BLOCK, Payment
from services.funds.payments.schemas import PaymentAct
from shared.contracts.projects import TextScreening
from shared.rules import in_force
from shared.work import CHINA, Work

AT_WORK = frozenset({PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED})
"""States whose money stands in 支付在途."""
ACCEPTED = frozenset({"accepted", "handed_over", "closed"})
GUARDED = frozenset({PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED})


@dataclass(frozen=True)
class Asked:
    """What the library said of the payment's project: `silent` when it did not answer."""

    project: LibraryProject | None
    silent: bool = False
    screening: TextScreening | None = None
    purpose: str = ""
    """The text that was screened."""


async def findings(work: Work, payment: Payment, asked: Asked, *, lock: bool = False) -> list[Finding]:
    """Every control's finding now; with `lock` its contract cannot be used by others until the transaction ends."""
    on = payment.paid_on or work.today
    rules = {rule.key: rule for rule in await in_force(work.session, on, payment.region, "payment.")}
    held = await ledger.position(work, {"project_id": payment.project_id})
    mine = payment.amount if payment.state in AT_WORK else 0
    other = await repository.same_day(work, payment.payee_key, on, payment.id)
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
        library_silent=asked.silent,
        contract=await _contract(work, payment, project, lock=lock),
        screening=asked.screening or _kept(payment),
        clearance=payment.clearance,
        same_day=len(other),
        same_day_equal=sum(one.amount == payment.amount for one in other),
    )
    return examine(case, rules)


def _kept(payment: Payment) -> TextScreening | None:
    return TextScreening.model_validate(payment.screening) if payment.screening else None


async def _contract(
    work: Work, payment: Payment, project: LibraryProject | None, *, lock: bool
) -> ContractFacts | None:
    if payment.contract_id is None:
        return None
    contract = await contracts.get(work, payment.contract_id, lock=lock)
    used, advances = await repository.under_contract(work, contract.id, but=payment.id)
    return ContractFacts(
        party=contract.party,
        party_code=contract.party_code,
        amount=contract.payable,
        retention_percent=contract.retention_percent,
        used=used,
        advances=advances,
        accepted=bool(project and project.state in ACCEPTED),
    )


async def left(work: Work, allocation: Allocation, *, lock: bool) -> int:
    """What the allocation still holds unpaid; locked, nobody else can take it until the transaction ends."""
    return await ledger.balance(work, account(allocation, AccountKind.UNPAID), lock=lock)


async def facts(work: Work, payment: Payment, act: PaymentAct, asked: Asked, *, lock: bool) -> PaymentFacts:
    """What the guards look at, with the balances locked for a real move."""
    found = await findings(work, payment, asked, lock=lock) if payment.state in GUARDED else []
    allocation = await allocations.get(work, payment.allocation_id)
    return PaymentFacts(
        amount=payment.amount,
        left=await left(work, allocation, lock=lock),
        documents=len(payment.file_ids),
        reason=act.reason,
        voucher_no=act.voucher_no,
        paid_on=act.paid_on,
        applied_on=payment.applied_on,
        today=work.at.astimezone(CHINA).date(),
        stops=tuple(one.fault() for one in found if one.effect is Effect.STOP and not one.passed),
        rules=tuple(sorted({one.rule for one in found})),
        held="; ".join(_blocking(payment)) if payment.held else "",
        clearance=act.clearance,
        listed=(await batches.total(work, payment.id))[1]
        if payment.payee_kind is PayeeKind.HOUSEHOLDS
        else None,
    )


def _blocking(payment: Payment) -> list[str]:
    kept = _kept(payment)
    return [one.explanation for one in kept.findings if one.severity == BLOCK] if kept else []


def identify(
    project_id: UUID,
    views: dict[UUID, LibraryProject],
    screening: TextScreening | None = None,
    purpose: str = "",
) -> Asked:
    """What was said of one project and of the purpose of a payment to it."""
    return Asked(views.get(project_id), screening=screening, purpose=purpose)
