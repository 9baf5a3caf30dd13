"""Register contracts and their audited settlement."""

from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.contracts import repository
from services.funds.contracts.models import Contract
from services.funds.contracts.schemas import ContractCreate, Settlement
from shared.auth import May
from shared.clients.funds import ContractRegistered, ContractSettled
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.files import uploads
from shared.http import VersionMatch
from shared.records import create_record
from shared.unit_of_work import UnitOfWork


async def create_contract(work: UnitOfWork, body: ContractCreate) -> Contract:
    """Register a contract of a funded project.

    Invalid when the retention is above the ceiling of its day or it was signed in the future.
    """
    given = await _require_allocation(work, body.project_id)
    work.actor.require(May.PAYMENT_SUBMIT, given.region)
    rule = await work.get_rule("payment.retention", on=body.signed_on, region=given.region)
    faults = []
    if _parse_hundredths(body.retention_percent) > _parse_hundredths(rule.value["ceiling_percent"]):
        detail = f"质量保证金不得高于 {rule.value['ceiling_percent']}%({rule.basis})"
        faults.append(FieldError("retention", detail, "retention is above the ceiling", "/retention_percent"))
    if body.signed_on > work.today:
        faults.append(
            FieldError("in_the_future", "签订日期不能晚于今天", "signed in the future", "/signed_on")
        )
    if faults:
        raise Invalid(faults[0].detail, faults[0].detail_en, errors=faults)
    if twin := await repository.find_contract_by_number(work, body.project_id, body.number, body.id):
        raise Conflict(f"这个项目已登记合同 {twin.number}, 编号 {twin.id}", f"Registered already: {twin.id}")
    ids = [str(one) for one in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    columns = body.model_dump(exclude={"id", "file_ids", "party_code"})
    contract, fresh = await create_record(
        work,
        Contract,
        body,
        region=given.region,
        id=body.id,
        project_name=given.project_name,
        party_code=body.party_code or "",
        file_ids=ids,
        rule_used=rule.ref,
        **columns,
    )
    if fresh:
        event = ContractRegistered(
            contract_id=contract.id,
            project_id=contract.project_id,
            number=contract.number,
            amount=contract.amount,
        )
        await work.publish(event, contract)
    return contract


async def _require_allocation(work: UnitOfWork, project_id: UUID) -> Allocation:
    given = await allocations.list_related_allocations(work, projects=[project_id])
    if not given:
        detail = "这个项目还没有资金安排"
        raise Invalid(
            detail, "The project has no money", errors=[FieldError("no_money", detail, "", "/project_id")]
        )
    return given[0]


def _parse_hundredths(percent: str) -> int:
    whole, _, rest = percent.partition(".")
    return int(whole + rest.ljust(2, "0")[:2])


async def settle_contract(
    work: UnitOfWork, contract_id: UUID, body: Settlement, match: VersionMatch
) -> Contract:
    """Write the audited settlement down, once, by somebody other than who registered the contract."""
    contract = await repository.get_contract(work, contract_id, lock=True)
    work.actor.require(May.PAYMENT_REVIEW, contract.region)
    match.check_version(contract)
    if contract.settled is not None:
        if (contract.settled, contract.settlement_no) == (body.settled, body.settlement_no):
            return contract
        raise Conflict("合同已登记结算", "The contract is settled already")
    if contract.created_by == work.actor.id:
        raise Forbidden("不能登记本人合同的结算", "Four eyes: another person must")
    contract.settled, contract.settlement_no = body.settled, body.settlement_no
    contract.version += 1
    contract.updated_at = work.at
    work.session.add(contract)
    event = ContractSettled(contract_id=contract.id, project_id=contract.project_id, settled=body.settled)
    await work.publish(event, contract)
    return contract
