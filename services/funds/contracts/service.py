"""Register contracts and their audited settlement."""

from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.contracts import repository
from services.funds.contracts.models import Contract
from services.funds.contracts.schemas import ProjectContractCreate, Settlement
from services.funds.percentages import parse_hundredths
from services.funds.policy import PAYMENT_RETENTION
from shared.auth import May
from shared.clients.funds import ContractRegistered, ContractSettled
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.files import uploads
from shared.http import VersionMatch
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork


async def create_contract(work: UnitOfWork, body: ProjectContractCreate) -> Contract:
    """Register a contract of a project that has an allocation.

    Invalid if the retention exceeds the ceiling (rule payment.retention) on the signing date or that date lies in the future.
    """
    allocation, department = await _require_allocation(work, body.project_id)
    work.actor.require(May.PAYMENT_SUBMIT, allocation.region, department=department)
    rule = await work.get_rule(PAYMENT_RETENTION, on=body.signed_on, region=allocation.region)
    errors = []
    if parse_hundredths(body.retention_percent) > parse_hundredths(rule.value.ceiling_percent):
        detail = f"质量保证金不得高于 {rule.value.ceiling_percent}%({rule.basis})"
        errors.append(FieldError("retention", detail, "retention is above the ceiling", "/retention_percent"))
    if body.signed_on > work.today:
        errors.append(
            FieldError("in_the_future", "签订日期不能晚于今天", "signed in the future", "/signed_on")
        )
    if errors:
        raise Invalid(errors[0].detail, errors[0].detail_en, errors=errors)
    if duplicate := await repository.find_contract_by_number(work, body.project_id, body.number, body.id):
        raise Conflict(
            f"这个项目已登记合同 {duplicate.number}, 编号 {duplicate.id}",
            f"Registered already: {duplicate.id}",
        )
    ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    columns = body.model_dump(exclude={"id", "file_ids", "party_code"})
    contract, _ = await create_record(
        work,
        Contract,
        body,
        event=lambda contract: ContractRegistered(
            contract_id=contract.id,
            project_id=contract.project_id,
            number=contract.number,
            amount=contract.amount,
        ),
        region=allocation.region,
        id=body.id,
        project_name=allocation.project_name,
        party_code=body.party_code or "",
        file_ids=ids,
        rule_used=rule.ref,
        **columns,
    )
    return contract


async def _require_allocation(work: UnitOfWork, project_id: UUID) -> tuple[Allocation, str]:
    funded = await allocations.find_allocation_and_department(work, project_id)
    if funded is None:
        detail = "这个项目还没有资金安排"
        raise Invalid(
            detail, "The project has no money", errors=[FieldError("no_money", detail, "", "/project_id")]
        )
    return funded


async def settle_contract(
    work: UnitOfWork, contract_id: UUID, body: Settlement, match: VersionMatch
) -> Contract:
    """Record the audited settlement once; Forbidden for the person who registered the contract (four eyes)."""
    contract = await repository.get_contract(work, contract_id, lock=True)
    work.actor.require(May.PAYMENT_REVIEW, contract.region)
    match.check_version(contract)
    if contract.settled is not None:
        if (contract.settled, contract.settlement_no) == (body.settled, body.settlement_no):
            return contract
        raise Conflict("合同已登记结算", "The contract is settled already")
    if work.actor.is_same_person(contract.created_by):
        raise Forbidden("不能登记本人合同的结算", "Four eyes: another person must")
    contract.settled, contract.settlement_no = body.settled, body.settlement_no
    event = ContractSettled(contract_id=contract.id, project_id=contract.project_id, settled=body.settled)
    await save_record(work, contract, event)
    return contract
