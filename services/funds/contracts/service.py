"""Register contracts and their audited settlement; retention money falls due and is released."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.allocations.models import Allocation
from services.funds.contracts import repository
from services.funds.contracts.models import Contract
from services.funds.contracts.schemas import ProjectContractCreate, RetentionRelease, Settlement
from services.funds.percentages import parse_hundredths
from services.funds.policy import CONTRACT_DEFECTS, PAYMENT_RETENTION, DefectsLiability
from shared.auth import May
from shared.china import add_months, format_yuan
from shared.clients.funds import (
    ContractRegistered,
    ContractSettled,
    RetentionFellDue,
    RetentionReleased,
)
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
    defects = (await work.get_rule(CONTRACT_DEFECTS, on=body.signed_on, region=allocation.region)).value
    errors += _find_term_faults(body, defects, work.today)
    if errors:
        raise Invalid(errors[0].detail, errors[0].detail_en, errors=errors)
    if duplicate := await repository.find_contract_by_number(work, body.project_id, body.number, body.id):
        raise Conflict(
            f"这个项目已登记合同 {duplicate.number}, 编号 {duplicate.id}",
            f"Registered already: {duplicate.id}",
        )
    ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    columns = body.model_dump(exclude={"id", "file_ids", "party_code", "accepted_on"})
    if columns["defects_months"] is None:
        columns["defects_months"] = defects.months
    if body.accepted_on is not None:
        columns["retention_due_on"] = add_months(body.accepted_on, columns["defects_months"])
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
        managing_unit=department,
        rule_used=rule.ref,
        **columns,
    )
    return contract


def _find_term_faults(
    body: ProjectContractCreate, defects: DefectsLiability, today: date
) -> Iterator[FieldError]:
    """Errors of the contract period, the price against the award, and the defects liability period."""
    if body.award_price is not None and body.amount > body.award_price:
        detail = f"合同价高于中标价 {format_yuan(body.award_price)} 元(招标投标法第四十六条)"
        yield FieldError("above_award", detail, "above the award price", "/amount")
    if body.starts_on and body.ends_on and body.ends_on < body.starts_on:
        yield FieldError("before_start", "工期结束早于开始", "ends before it starts", "/ends_on")
    if body.accepted_on is not None and not body.signed_on <= body.accepted_on <= today:
        detail = "验收日期须在签订之后、今天或之前"
        yield FieldError(
            "accepted_on", detail, "accepted before the signing or in the future", "/accepted_on"
        )
    if (body.defects_months or 0) > defects.most_months:
        detail = f"缺陷责任期最长 {defects.most_months} 个月"
        yield FieldError("too_long", detail, "the defects liability period is too long", "/defects_months")


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
    work.actor.require(May.PAYMENT_REVIEW, contract.region, department=contract.managing_unit)
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


async def mark_acceptance(work: UnitOfWork, project_id: UUID, accepted_on: date) -> None:
    """Set the day on which the retention of a project's contracts falls due, counted from its acceptance."""
    for contract in await repository.system_list_retaining_contracts(work, project_id):
        contract.retention_due_on = add_months(accepted_on, contract.defects_months or 0)
        event = RetentionFellDue(
            contract_id=contract.id, project_id=project_id, due_on=contract.retention_due_on
        )
        await save_record(work, contract, event)


async def release_retention(
    work: UnitOfWork, contract_id: UUID, body: RetentionRelease, match: VersionMatch
) -> Contract:
    """Release the retention money after the defects liability period, with evidence (建质〔2017〕138号第十条).

    Conflict before it is due or when it was released; Forbidden for the person who registered the contract (four eyes).
    """
    contract = await repository.get_contract(work, contract_id, lock=True)
    work.actor.require(May.PAYMENT_REVIEW, contract.region, department=contract.managing_unit)
    match.check_version(contract)
    ids = [str(file_id) for file_id in body.file_ids]
    if contract.retention_released_on is not None:
        if (contract.retention_released_on, contract.retention_released) == (body.released_on, body.amount):
            return contract
        raise Conflict("质保金已返还", "The retention is released already")
    if not contract.retention:
        raise Conflict("合同没有质保金", "The contract retains nothing")
    if work.actor.is_same_person(contract.created_by):
        raise Forbidden("不能返还本人登记的合同的质保金", "Four eyes: another person must")
    if contract.retention_due_on is None or body.released_on < contract.retention_due_on:
        due = f"{contract.retention_due_on} 到期" if contract.retention_due_on else "验收后起算"
        raise Conflict(f"缺陷责任期未满, 质保金{due}", "The retention is not due yet")
    if errors := list(_find_release_faults(body, contract, work.today)):
        raise Invalid(errors[0].detail, errors[0].detail_en, errors=errors)
    await uploads.require_files(work, ids, "/file_ids")
    contract.retention_released, contract.retention_released_on = body.amount, body.released_on
    contract.release_file_ids = ids
    event = RetentionReleased(
        contract_id=contract.id,
        project_id=contract.project_id,
        amount=body.amount,
        released_on=body.released_on,
    )
    await save_record(work, contract, event, reason=body.reason)
    return contract


def _find_release_faults(body: RetentionRelease, contract: Contract, today: date) -> Iterator[FieldError]:
    if body.released_on > today:
        yield FieldError("in_the_future", "返还日期不能晚于今天", "in the future", "/released_on")
    if body.amount > contract.retention:
        detail = f"质保金 {format_yuan(contract.retention)} 元, 不能返还更多"
        yield FieldError("above_retention", detail, "more than was retained", "/amount")
    if body.amount < contract.retention and not body.reason.strip():
        yield FieldError("no_reason", "不全额返还须写明理由", "say why it is not all", "/reason")
