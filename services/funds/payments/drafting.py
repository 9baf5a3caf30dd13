"""Writing a payment application. Nothing is set aside before it is submitted."""

from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.contracts import repository as contracts
from services.funds.payments import repository
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment
from services.funds.payments.schemas import PaymentChange, PaymentCreate
from services.funds.payments.telling import drafted, moved
from shared import files
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.personal import mask_account
from shared.work import Work


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
        await work.tell(drafted(payment), payment)
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
    await work.tell(moved(payment, state, state), payment)
    return payment
