"""The contract register: a party with a checked code, an amount, what is kept back, and one settlement."""

from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.contracts import repository
from services.funds.contracts.models import Contract
from services.funds.contracts.schemas import ContractCreate, Settlement
from shared import files
from shared.contracts.funds import ContractRegistered, ContractSettled
from shared.creates import create
from shared.errors import Conflict, Fault, Forbidden, Invalid
from shared.http import Match
from shared.permissions import May
from shared.work import Work


async def register(work: Work, body: ContractCreate) -> Contract:
    """Register a contract of a funded project.

    Invalid when the retention is above the ceiling of its day or it was signed in the future.
    """
    given = await _funded(work, body.project_id)
    work.actor.require(May.PAYMENT_SUBMIT, given.region)
    rule = await work.rule("payment.retention", on=body.signed_on, region=given.region)
    faults = []
    if _hundredths(body.retention_percent) > _hundredths(rule.value["ceiling_percent"]):
        detail = f"质量保证金不得高于 {rule.value['ceiling_percent']}%({rule.basis})"
        faults.append(Fault("retention", detail, "retention is above the ceiling", "/retention_percent"))
    if body.signed_on > work.today:
        faults.append(Fault("in_the_future", "签订日期不能晚于今天", "signed in the future", "/signed_on"))
    if faults:
        raise Invalid(faults[0].detail, faults[0].detail_en, faults=faults)
    if twin := await repository.numbered(work, body.project_id, body.number, body.id):
        raise Conflict(f"这个项目已登记合同 {twin.number}, 编号 {twin.id}", f"Registered already: {twin.id}")
    ids = [str(one) for one in body.file_ids]
    await files.require(work, ids, "/file_ids")
    columns = body.model_dump(exclude={"id", "file_ids", "party_code"})
    contract, fresh = await create(
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
        await work.tell(event, contract)
    return contract


async def _funded(work: Work, project_id: UUID) -> Allocation:
    given = await allocations.around(work, projects=[project_id])
    if not given:
        detail = "这个项目还没有资金安排"
        raise Invalid(
            detail, "The project has no money", faults=[Fault("no_money", detail, "", "/project_id")]
        )
    return given[0]


def _hundredths(percent: str) -> int:
    whole, _, rest = percent.partition(".")
    return int(whole + rest.ljust(2, "0")[:2])


async def settle(work: Work, contract_id: UUID, body: Settlement, match: Match) -> Contract:
    """Write the audited settlement down, once, by somebody other than who registered the contract."""
    contract = await repository.get(work, contract_id, lock=True)
    work.actor.require(May.PAYMENT_REVIEW, contract.region)
    match.check(contract)
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
    await work.tell(event, contract)
    return contract
