"""Use cases of amendments: another person approves what then changes receivables and terms of the contract."""

from typing import Any
from uuid import UUID

from services.assets import repository_base as records
from services.assets.amendments import repository
from services.assets.amendments.calculation import Rescheduled, find_waiver_error, reschedule
from services.assets.amendments.events import ContractAmendmentMoved, OperatingContractAmended
from services.assets.amendments.lifecycle import (
    AMENDMENT,
    AmendmentAction,
    AmendmentFacts,
    AmendmentState,
)
from services.assets.amendments.models import ContractAmendment
from services.assets.amendments.schemas import (
    AmendmentDetail,
    AmendmentKind,
    AmendmentPost,
    AmendmentTransitionRequest,
    ContractAmendmentRead,
)
from services.assets.contracts import repository as contract_queries
from services.assets.contracts import service as contracts
from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receivable
from services.assets.errors import conflict
from services.assets.register import repository as register
from shared.auth import May
from shared.errors import FieldError, Invalid, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions, entry_time
from shared.records import create_record, save_record, touch_record
from shared.unit_of_work import UnitOfWork

WAIVER_STATES = frozenset({ContractState.ACTIVE, ContractState.ENDED, ContractState.TERMINATED})
"""Rent that is owed may be waived after the contract too."""


async def create_amendment(work: UnitOfWork, contract_id: UUID, body: AmendmentPost) -> ContractAmendment:
    """Propose an amendment of a signed contract. Conflict while another is undecided, Invalid when it does not fit."""
    contract = await contracts.get_contract(work, contract_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, contract.region)
    open_amendment = await repository.find_open_amendment(work, contract.id)
    if open_amendment is not None and open_amendment.id != body.id:
        raise conflict("running", "这份合同已有一项变更等待批准", "An amendment is under way")
    proposed_at = entry_time(body.happened_at, work.at)
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    amendment, created = await create_record(
        work,
        ContractAmendment,
        body,
        event=lambda one: _build_event(one, "", one.state),
        event_time=proposed_at,
        region=contract.region,
        id=body.id,
        contract_id=contract.id,
        asset_id=contract.asset_id,
        waivers=[line.model_dump(mode="python") for line in body.waivers],
        waived=sum(line.amount for line in body.waivers),
        file_ids=file_ids,
        state=AmendmentState.PROPOSED,
        state_since=proposed_at,
        **body.model_dump(exclude={"id", "waivers", "file_ids", "happened_at"}),
    )
    if created and (error := await _find_error(work, contract, body)) is not None:
        raise Invalid(error.detail, error.detail_en, errors=[error])
    return amendment


async def get_amendment(work: UnitOfWork, amendment_id: UUID, *, lock: bool = False) -> ContractAmendment:
    """One amendment in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, ContractAmendment, amendment_id, "项合同变更", lock=lock)


async def get_amendment_detail(work: UnitOfWork, amendment: ContractAmendment) -> AmendmentDetail:
    """An amendment with the actions available to the caller."""
    facts = await _build_facts(work, amendment, AmendmentTransitionRequest())
    return AmendmentDetail.model_construct(
        **dict(ContractAmendmentRead.model_validate(amendment)),
        available_actions=available_actions(work, AMENDMENT, amendment, facts),
    )


async def transition_amendment(
    work: UnitOfWork,
    amendment_id: UUID,
    action: AmendmentAction,
    body: AmendmentTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> AmendmentDetail | TransitionPreview:
    """Decide an amendment; approval changes contract and receivables in the same transaction."""
    unlocked = await get_amendment(work, amendment_id)
    await register.get_asset(work, unlocked.asset_id, lock=True)
    contract = await contracts.get_contract(work, unlocked.contract_id, lock=True)
    amendment = await get_amendment(work, amendment_id, lock=True)
    preview = await apply_transition(
        work,
        AMENDMENT,
        amendment,
        action,
        await _build_facts(work, amendment, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _build_event(amendment, was, now),
    )
    if preview is not None:
        return preview
    if action is AmendmentAction.APPROVE:
        amendment.approved_by = work.actor.id
        work.session.add(amendment)
        await _apply(work, contract, amendment)
    await work.session.flush()
    return await get_amendment_detail(work, amendment)


def _build_event(amendment: ContractAmendment, was: str, now: str) -> ContractAmendmentMoved:
    return ContractAmendmentMoved(
        amendment_id=amendment.id,
        contract_id=amendment.contract_id,
        kind=amendment.kind,
        waived=amendment.waived,
        was=was,
        now=now,
    )


async def _build_facts(
    work: UnitOfWork, amendment: ContractAmendment, body: AmendmentTransitionRequest
) -> AmendmentFacts:
    error = None
    if amendment.state is AmendmentState.PROPOSED:
        contract = await contracts.get_contract(work, amendment.contract_id)
        error = await _find_error(work, contract, ContractAmendmentRead.model_validate(amendment))
    return AmendmentFacts(document_count=len(amendment.file_ids), error=error, reason=body.reason)


async def _find_error(
    work: UnitOfWork, contract: OperatingContract, body: AmendmentPost | ContractAmendmentRead
) -> FieldError | None:
    """What of an amendment does not fit the contract and its receivables as they stand."""
    receivables = await contract_queries.list_receivables(work, contract.id)
    if body.kind is AmendmentKind.WAIVER:
        if contract.state not in WAIVER_STATES:
            return FieldError("not_signed", f"合同{contract.state.label}, 没有应收", "It was not signed")
        if body.effective_on > work.today:
            return FieldError("in_the_future", "决定日期不能晚于今天", "In the future", "/effective_on")
        return find_waiver_error(receivables, {line.number: line.amount for line in body.waivers})
    if (error := _find_term_error(contract, body)) is not None:
        return error
    overlapping = await contract_queries.find_overlapping_number(
        work, contract, body.ends_on or contract.ends_on
    )
    if overlapping:
        detail = f"延长后与履行中的合同 {overlapping} 期限重叠"
        return FieldError("overlap", detail, "Another contract runs then", "/ends_on")
    changes = _reschedule(contract, receivables, body)
    return changes if isinstance(changes, FieldError) else None


def _find_term_error(
    contract: OperatingContract, body: AmendmentPost | ContractAmendmentRead
) -> FieldError | None:
    if contract.state is not ContractState.ACTIVE:
        detail = f"合同{contract.state.label}, 只有履行中的合同能变更条款"
        return FieldError("not_active", detail, "Only an active contract is amended")
    if not contract.starts_on <= body.effective_on <= contract.ends_on:
        detail = f"生效日期须在合同期限 {contract.starts_on} 至 {contract.ends_on} 之内"
        return FieldError("outside_term", detail, "Outside the term", "/effective_on")
    ends_on = body.ends_on or contract.ends_on
    if ends_on < body.effective_on:
        return FieldError("before_effect", "变更后的止期早于生效日期", "It ends before", "/ends_on")
    return contracts.find_term_error(contract.mode, contract.starts_on, ends_on)


def _reschedule(
    contract: OperatingContract,
    receivables: list[Receivable],
    body: AmendmentPost | ContractAmendmentRead | ContractAmendment,
) -> Rescheduled | FieldError:
    schedule = contracts.build_contract_schedule(
        contract, steps=_build_steps(contract, body), ends_on=body.ends_on or contract.ends_on
    )
    return reschedule(receivables, schedule, body.effective_on, contract.period)


def _build_steps(
    contract: OperatingContract, body: AmendmentPost | ContractAmendmentRead | ContractAmendment
) -> list[dict[str, Any]]:
    """Rent steps after the amendment: a new amount holds from its day on, also over steps agreed for later."""
    if body.amount is None:
        return contract.steps
    earlier = [step for step in contract.steps if step["starts_on"] < str(body.effective_on)]
    return [*earlier, {"starts_on": str(body.effective_on), "amount": body.amount}]


async def _apply(work: UnitOfWork, contract: OperatingContract, amendment: ContractAmendment) -> None:
    receivables = await contract_queries.list_receivables(work, contract.id, lock=True)
    before: dict[str, Any] = {}
    if amendment.kind is AmendmentKind.WAIVER:
        amounts = {line["number"]: line["amount"] for line in amendment.waivers}
        for receivable in receivables:
            if waived := amounts.get(receivable.number, 0):
                receivable.waived += waived
                _set_amount(work, receivable, receivable.amount - waived)
    else:
        before = {"ends_on": contract.ends_on, "steps": contract.steps}
        _change_terms(work, contract, receivables, amendment)
    event = OperatingContractAmended(
        contract_id=contract.id, amendment_id=amendment.id, waived=amendment.waived
    )
    await save_record(work, contract, event, before=before, reason=amendment.reason)


def _change_terms(
    work: UnitOfWork,
    contract: OperatingContract,
    receivables: list[Receivable],
    amendment: ContractAmendment,
) -> None:
    changes = _reschedule(contract, receivables, amendment)
    if isinstance(changes, FieldError):  # the guard has seen the same receivables
        raise invalid_field(changes.code, changes.detail, changes.pointer, changes.detail_en)
    for receivable in receivables:
        if not receivable.void and receivable.due_on in changes.dropped:
            receivable.void = True
            _set_amount(work, receivable, receivable.amount, is_open=False)
        elif not receivable.void and receivable.due_on in changes.changed:
            _set_amount(work, receivable, changes.changed[receivable.due_on])
    contracts.insert_receivables(work, contract, changes.added)
    contract.steps = _build_steps(contract, amendment)
    contract.ends_on = amendment.ends_on or contract.ends_on


def _set_amount(work: UnitOfWork, receivable: Receivable, amount: int, *, is_open: bool = True) -> None:
    receivable.amount = amount
    receivable.open = is_open and receivable.received < amount
    touch_record(work, receivable)
