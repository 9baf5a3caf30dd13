"""Use cases of operating contracts: a second person signs, signing creates the schedule; receipts, reversals, income."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from services.assets import repository_base as records
from services.assets.contracts import repository
from services.assets.contracts.calculation import (
    RentStep,
    ScheduledReceivable,
    build_schedule,
    prorate,
)
from services.assets.contracts.events import IncomeReceived, OperatingContractMoved, OperatorMarked
from services.assets.contracts.lifecycle import CONTRACT, AssetContractFacts, ContractAction, ContractState
from services.assets.contracts.models import OperatingContract, Receipt, ReceiptPart, Receivable
from services.assets.contracts.repository import ContractRecords
from services.assets.contracts.schemas import (
    AssetContractCreate,
    AssetContractRead,
    ContractDetail,
    ContractTransitionRequest,
    Income,
    OperatingMode,
    OperatorStatusPost,
    ReceiptPost,
    ReceiptReversalPost,
    ReceivableRead,
    YearIncome,
)
from services.assets.distributions.service import post_receipt
from services.assets.errors import conflict
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass
from shared.auth import May
from shared.china import add_months, format_yuan, normalize_document_no
from shared.db import new_id
from shared.errors import FieldError, Forbidden, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    apply_transition,
    available_actions,
    effective_time,
)
from shared.records import create_record, log_event, save_record, touch_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_LEASE_YEARS = 20
"""民法典第七百零五条."""
MONTHS_PAID_AHEAD = 12
"""Rent may be received this long before the contract begins."""
UNSIGNED_STATES = frozenset({ContractState.DRAFT, ContractState.CANCELLED})


async def create_contract(
    work: UnitOfWork, asset_id: UUID, body: AssetContractCreate, *, previous: UUID | None = None
) -> OperatingContract:
    """Create a draft contract over an operating or public asset. Invalid for household assets, which the household operates itself."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_OPERATE, asset.region, department=asset.managing_unit)
    if asset.asset_class is AssetClass.HOUSEHOLD:
        raise invalid_field(
            "household", "到户类资产由农户自行经营, 不签经营合同", "", "A household's own business"
        )
    drafted_at = _get_draft_time(work, body)
    await _check_terms(work, asset, body)
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    terms = body.model_dump(
        exclude={"id", "file_ids", "operator_code", "first_due_on", "steps", "happened_at"}
    )
    contract, _ = await create_record(
        work,
        OperatingContract,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        operator_code=body.operator_code or "",
        first_due_on=body.first_due_on or body.starts_on,
        steps=[{"starts_on": str(step.starts_on), "amount": step.amount} for step in body.steps],
        file_ids=file_ids,
        previous_id=previous,
        state=ContractState.DRAFT,
        state_since=drafted_at,
        **terms,
    )
    return contract


def _get_draft_time(work: UnitOfWork, body: AssetContractCreate) -> datetime:
    """When the contract was drawn up: as given, else now, but no later than it began. Invalid in the future."""
    if body.happened_at is None:
        return min(work.at, datetime.combine(body.starts_on, time.min, CHINA_TIME_ZONE))
    if body.happened_at > work.at:
        raise invalid_field("in_the_future", "拟定时间不能晚于现在", "/happened_at", "It lies in the future")
    return body.happened_at


async def _check_terms(work: UnitOfWork, asset: Asset, body: AssetContractCreate) -> None:
    """Invalid for a term before the asset was built, or a lease over twenty years; Conflict for a number in use."""
    if asset.built_on is not None and body.starts_on < asset.built_on:
        detail = f"合同起期早于资产建成日期 {asset.built_on}"
        raise invalid_field("before_built", detail, "/starts_on", "It begins before the asset was built")
    if (error := find_term_error(body.mode, body.starts_on, body.ends_on)) is not None:
        raise invalid_field(error.code, error.detail, error.pointer, error.detail_en)
    key = normalize_document_no(body.number)
    for contract_id, number in await repository.list_contract_numbers(work, asset.region):
        if contract_id != body.id and normalize_document_no(number) == key:
            raise conflict("number_used", f"合同编号 {number} 已登记, 编号 {contract_id}", "Used already")


def find_term_error(mode: OperatingMode, starts_on: date, ends_on: date) -> FieldError | None:
    """What is wrong with a term: a lease over twenty years."""
    if mode is not OperatingMode.LEASE or ends_on < add_months(starts_on, MAX_LEASE_YEARS * 12):
        return None
    detail = "租赁期限不得超过二十年(民法典第七百零五条)"
    return FieldError("lease_too_long", detail, "A lease runs twenty years at most", "/ends_on")


async def renew_contract(work: UnitOfWork, contract_id: UUID, body: AssetContractCreate) -> OperatingContract:
    """Create the next contract over the same asset. Invalid when it begins before an active one ends."""
    previous = await get_contract(work, contract_id)
    if body.starts_on <= previous.ends_on and previous.state is ContractState.ACTIVE:
        raise invalid_field(
            "overlap", f"续签起期须晚于原合同止期 {previous.ends_on}", "/starts_on", "It begins too early"
        )
    return await create_contract(work, previous.asset_id, body, previous=previous.id)


async def get_contract(work: UnitOfWork, contract_id: UUID, *, lock: bool = False) -> OperatingContract:
    """One contract in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, OperatingContract, contract_id, "份经营合同", lock=lock)


def build_contract_detail(
    work: UnitOfWork, contract: OperatingContract, records: ContractRecords
) -> ContractDetail:
    """A contract with its receivables, arrears and the actions available to the caller."""
    receivables = records.receivables
    due_receivables = [
        receivable for receivable in receivables if receivable.due_on <= work.today and not receivable.void
    ]
    due, received = (
        sum(receivable.amount for receivable in due_receivables),
        sum(receivable.received for receivable in receivables),
    )
    return ContractDetail.model_construct(
        **dict(AssetContractRead.model_validate(contract)),
        receivables=[ReceivableRead.model_validate(receivable) for receivable in receivables],
        due=due,
        received=received,
        waived=sum(receivable.waived for receivable in receivables),
        deposit_held=records.deposit_held,
        arrears=sum(receivable.amount - receivable.received for receivable in due_receivables),
        available_actions=available_actions(
            work, CONTRACT, contract, _build_facts(work, contract, ContractTransitionRequest(), records)
        ),
    )


async def transition_contract(
    work: UnitOfWork,
    contract_id: UUID,
    action: ContractAction,
    body: ContractTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> ContractDetail | TransitionPreview:
    """Apply one transition: signing creates the receivables, termination voids those not yet due."""
    unlocked = await get_contract(work, contract_id)
    # Lock the asset first: two contracts over one asset must not be signed at the same time.
    await register.get_asset(work, unlocked.asset_id, lock=True)
    contract = await get_contract(work, contract_id, lock=True)
    when = effective_time(body, contract.state_since, work.at) if not dry_run else work.at
    preview = await apply_transition(
        work,
        CONTRACT,
        contract,
        action,
        _build_facts(work, contract, body, await repository.list_records(work, contract.id)),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: OperatingContractMoved(
            contract_id=contract.id, asset_id=contract.asset_id, was=was, now=now
        ),
    )
    if preview is not None:
        return preview
    if action is ContractAction.SIGN:
        contract.signed_by = work.actor.id
        schedule = build_contract_schedule(contract, steps=contract.steps, ends_on=contract.ends_on)
        insert_receivables(work, contract, schedule)
    if action is ContractAction.TERMINATE:
        await _end_receivables(work, contract, when.astimezone(CHINA_TIME_ZONE).date())
    await work.session.flush()
    return build_contract_detail(work, contract, await repository.list_records(work, contract.id))


async def mark_operator(
    work: UnitOfWork, contract_id: UUID, body: OperatorStatusPost, match: VersionMatch
) -> OperatingContract:
    """Mark the operator as deregistered or unreachable, or remove the mark."""
    contract = await get_contract(work, contract_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, contract.region)
    match.check_version(contract)
    before = {"operator_gone": contract.operator_gone}
    contract.operator_gone = body.gone
    event = OperatorMarked(contract_id=contract.id, gone=body.gone)
    await save_record(work, contract, event, before=before, reason=body.reason)
    return contract


async def record_receipt(
    work: UnitOfWork, asset_id: UUID, body: ReceiptPost, *, contract_id: UUID | None = None
) -> Receipt:
    """Record income of an asset, under a contract or without one. Invalid when it exceeds what the contract still owes."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region, department=asset.managing_unit)
    if contract_id is None and (asset.state not in COUNTED_STATES or asset.use is UseState.DISPOSED):
        detail = "资产未登记或已处置, 不能登记合同外收益"
        raise conflict("not_registered", detail, "The asset is not on the register")
    await _check_receipt(work, asset, body, contract_id)
    receipt, created = await create_record(
        work, Receipt, body, region=asset.region, id=body.id, asset_id=asset.id, contract_id=contract_id,
        owner_name=asset.owner_name, **body.model_dump(exclude={"id"}),
    )  # fmt: skip
    if created:
        if contract_id is not None:
            await _settle_receivables(work, receipt, contract_id)
        await _publish_receipt(work, asset, receipt)
    return receipt


async def _check_receipt(work: UnitOfWork, asset: Asset, body: ReceiptPost, contract_id: UUID | None) -> None:
    """Invalid for a day on which the money cannot have come; Conflict for a voucher that counts already."""
    if body.received_on > work.today:
        raise invalid_field("in_the_future", "收款日期不能晚于今天", "/received_on", "It lies in the future")
    earliest = asset.built_on
    if contract_id is not None:
        contract = await get_contract(work, contract_id)
        earliest = add_months(contract.starts_on, -MONTHS_PAID_AHEAD)
    if earliest is not None and body.received_on < earliest:
        detail = f"收款日期早于 {earliest}, 那时资产或合同还没有收益"
        raise invalid_field("too_early", detail, "/received_on", "There was no income then")
    earlier = await repository.find_receipt_by_voucher(work, asset.id, contract_id, body.voucher_no, body.id)
    if earlier is not None:
        detail = f"收款凭证 {earlier.voucher_no} 已登记({format_yuan(earlier.amount)} 元, 编号 {earlier.id}), 一张凭证只计一次"
        raise conflict("voucher_used", detail, "This voucher counts already")


async def record_contract_receipt(work: UnitOfWork, contract_id: UUID, body: ReceiptPost) -> Receipt:
    """Record a receipt under a contract. Conflict when the contract was never signed."""
    contract = await get_contract(work, contract_id)
    if contract.state in UNSIGNED_STATES:
        raise conflict("not_signed", f"合同{contract.state.label}, 没有应收", "The contract was not signed")
    return await record_receipt(work, contract.asset_id, body, contract_id=contract.id)


async def reverse_receipt(work: UnitOfWork, receipt_id: UUID, body: ReceiptReversalPost) -> Receipt:
    """Reverse a receipt with a negative one. Forbidden to the person who recorded it; Conflict when already reversed."""
    original = await records.get_record(work, Receipt, receipt_id, "笔实收")
    asset = await register.get_asset(work, original.asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region, department=asset.managing_unit)
    if work.actor.is_same_person(original.created_by):
        raise Forbidden("不能冲销本人登记的实收, 须由另一人办理", "Four eyes: another person must")
    if original.reverses is not None or (body.id is None and await repository.is_reversed(work, original.id)):
        raise conflict("reversed", "已冲销, 或本身是冲销记录", "Reversed already")
    receipt, created = await create_record(
        work,
        Receipt,
        body,
        region=original.region,
        id=body.id,
        asset_id=original.asset_id,
        contract_id=original.contract_id,
        amount=-original.amount,
        received_on=work.today,
        payer=original.payer,
        voucher_no=original.voucher_no,
        kind=original.kind,
        owner_name=original.owner_name,
        reverses=original.id,
        note=body.reason,
    )
    if created:
        for part, receivable in await repository.list_receipt_parts(work, original.id):
            _apply_to_receivable(work, receipt, receivable, -part.amount)
        await _publish_receipt(work, asset, receipt, body.reason)
    return receipt


async def sum_income(work: UnitOfWork, *, asset_id: UUID | None = None, region: str | None = None) -> Income:
    """Due, settled, arrears and received per year (分) of an asset or a region, summed in SQL."""
    due_by_year = await repository.sum_due_by_year(work, work.today, asset_id=asset_id, region=region)
    received_by_year = await repository.sum_received_by_year(work, asset_id=asset_id, region=region)
    years = [
        YearIncome.model_construct(
            year=year,
            due=due_by_year.get(year, (0, 0))[0],
            settled=due_by_year.get(year, (0, 0))[1],
            arrears=due_by_year.get(year, (0, 0))[0] - due_by_year.get(year, (0, 0))[1],
            received=received_by_year.get(year, 0),
        )
        for year in sorted({*due_by_year, *received_by_year})
    ]
    return Income.model_construct(
        years=years,
        due=sum(year_income.due for year_income in years),
        arrears=sum(year_income.arrears for year_income in years),
        received=sum(year_income.received for year_income in years),
    )


def _build_facts(
    work: UnitOfWork, contract: OperatingContract, body: ContractTransitionRequest, records: ContractRecords
) -> AssetContractFacts:
    asset = records.asset
    return AssetContractFacts(
        document_count=len(contract.file_ids),
        is_registered=asset.state in COUNTED_STATES and asset.use is not UseState.DISPOSED,
        overlapping_number=records.overlapping_number,
        ends_on=contract.ends_on,
        on=(body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date(),
        reason=body.reason,
        is_disposing=records.is_disposing,
        is_damaged=asset.use is UseState.DAMAGED,
    )


def build_contract_schedule(
    contract: OperatingContract, *, steps: Sequence[Mapping[str, Any]], ends_on: date
) -> list[ScheduledReceivable]:
    """The schedule of a contract with these rent steps until a day."""
    return build_schedule(
        contract.first_due_on,
        ends_on,
        contract.period,
        contract.amount,
        [RentStep(date.fromisoformat(step["starts_on"]), step["amount"]) for step in steps],
        prorated=contract.prorated,
    )


def insert_receivables(
    work: UnitOfWork, contract: OperatingContract, schedule: Iterable[ScheduledReceivable]
) -> None:
    """Add the receivables of a schedule to a contract."""
    work.session.add_all(
        Receivable(
            id=new_id(),
            region=contract.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            contract_id=contract.id,
            asset_id=contract.asset_id,
            number=scheduled.number,
            due_on=scheduled.due_on,
            amount=scheduled.amount,
        )
        for scheduled in schedule
    )


async def _end_receivables(work: UnitOfWork, contract: OperatingContract, on: date) -> None:
    """Void what is not yet due on the last day; where the contract says so, the period it breaks counts by its days."""
    for receivable in await repository.list_receivables(work, contract.id, lock=True):
        if receivable.due_on > on and not receivable.received:
            receivable.void, receivable.open = True, False
        elif contract.prorated and contract.period.months and receivable.due_on <= on:
            next_due_on = add_months(receivable.due_on, contract.period.months)
            owed = prorate(receivable.amount, receivable.due_on, next_due_on, on)
            receivable.amount = max(owed, receivable.received)
            receivable.open = receivable.received < receivable.amount
        work.session.add(receivable)


async def _settle_receivables(work: UnitOfWork, receipt: Receipt, contract_id: UUID) -> None:
    receivables = await repository.list_receivables(work, contract_id, lock=True)
    valid = [receivable for receivable in receivables if not receivable.void]
    if not valid:
        return  # a contract by actual income has no schedule
    unallocated = receipt.amount
    for receivable in valid:
        part = min(unallocated, receivable.amount - receivable.received)
        if part > 0:
            _apply_to_receivable(work, receipt, receivable, part)
            unallocated -= part
    if unallocated:
        detail = f"超过合同全部未收金额 {format_yuan(unallocated)} 元; 合同外收入请登记为资产的其他收益"
        raise invalid_field("above_contract", detail, "/amount", "More than the contract still owes")


def _apply_to_receivable(work: UnitOfWork, receipt: Receipt, receivable: Receivable, amount: int) -> None:
    receivable.received += amount
    receivable.open = receivable.received < receivable.amount
    touch_record(work, receivable)
    work.session.add(ReceiptPart(receipt_id=receipt.id, receivable_id=receivable.id, amount=amount))


async def _publish_receipt(work: UnitOfWork, asset: Asset, receipt: Receipt, reason: str = "") -> None:
    event = IncomeReceived(
        receipt_id=receipt.id,
        asset_id=asset.id,
        contract_id=receipt.contract_id,
        amount=receipt.amount,
        received_on=receipt.received_on,
    )
    await post_receipt(work, str(receipt.id), asset.region, receipt.amount, receipt.received_on)
    await log_event(work, asset, event, reason=reason)
