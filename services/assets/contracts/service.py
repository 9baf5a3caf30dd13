"""Operating contracts: drafted by one, signed by another; their schedule is made when they are signed."""

from datetime import date
from uuid import UUID

from services.assets import repository_base as scoped
from services.assets.contracts import repository
from services.assets.contracts.calculation import RentStep, build_schedule
from services.assets.contracts.events import IncomeReceived, OperatingContractMoved, OperatorMarked
from services.assets.contracts.lifecycle import CONTRACT, ContractAction, ContractFacts, ContractState
from services.assets.contracts.models import OperatingContract, Receipt, ReceiptPart, Receivable
from services.assets.contracts.schemas import (
    ContractCreate,
    ContractDetail,
    ContractRead,
    ContractTransitionRequest,
    Income,
    OperatorStatusPost,
    ReceiptPost,
    ReceiptReversalPost,
    ReceivableRead,
    YearIncome,
)
from services.assets.distributions.service import post_receipt
from services.assets.errors import conflict, invalid
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass
from shared.auth import May
from shared.china import format_yuan
from shared.db import new_id
from shared.errors import Forbidden
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    apply_transition,
    available_actions,
    effective_time,
)
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork, to_json_values


async def create_contract(
    work: UnitOfWork, asset_id: UUID, body: ContractCreate, *, previous: UUID | None = None
) -> OperatingContract:
    """A contract in draft over an operating asset (a public one may earn too, a household's is its own business)."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if asset.asset_class is AssetClass.HOUSEHOLD:
        raise invalid("household", "到户类资产由农户自行经营, 不签经营合同", "", "A household's own business")
    papers = [str(one) for one in body.file_ids]
    await uploads.require_files(work, papers, "/file_ids")
    given = body.model_dump(exclude={"id", "file_ids", "operator_code", "first_due_on", "steps"})
    contract, _ = await create_record(
        work,
        OperatingContract,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        operator_code=body.operator_code or "",
        first_due_on=body.first_due_on or body.starts_on,
        steps=[{"starts_on": str(one.starts_on), "amount": one.amount} for one in body.steps],
        file_ids=papers,
        previous_id=previous,
        state=ContractState.DRAFT,
        state_since=work.at,
        **given,
    )
    return contract


async def renew_contract(work: UnitOfWork, contract_id: UUID, body: ContractCreate) -> OperatingContract:
    """The next contract over the same asset; it may not begin before the earlier one ends."""
    earlier = await get_contract(work, contract_id)
    if body.starts_on <= earlier.ends_on and earlier.state is ContractState.ACTIVE:
        raise invalid(
            "overlap", f"续签起期须晚于原合同止期 {earlier.ends_on}", "/starts_on", "It begins too early"
        )
    return await create_contract(work, earlier.asset_id, body, previous=earlier.id)


async def get_contract(work: UnitOfWork, contract_id: UUID, *, lock: bool = False) -> OperatingContract:
    """One contract of the caller's regions."""
    return await scoped.get_record(work, OperatingContract, contract_id, "份经营合同", lock=lock)


async def _build_facts(
    work: UnitOfWork, contract: OperatingContract, body: ContractTransitionRequest
) -> ContractFacts:
    asset = await register.get_asset(work, contract.asset_id)
    return ContractFacts(
        document_count=len(contract.file_ids),
        is_registered=asset.state in COUNTED_STATES and asset.use is not UseState.DISPOSED,
        overlapping=await repository.find_overlapping_contract(work, contract),
        ends_on=contract.ends_on,
        on=(body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date(),
        reason=body.reason,
    )


async def get_contract_detail(work: UnitOfWork, contract: OperatingContract) -> ContractDetail:
    """The contract, what is due by date, and what the caller could do."""
    rows = await repository.list_receivables(work, contract.id)
    fallen = [one for one in rows if one.due_on <= work.today and not one.void]
    due, received = sum(one.amount for one in fallen), sum(one.received for one in rows)
    return ContractDetail.model_construct(
        **dict(ContractRead.model_validate(contract)),
        receivables=[ReceivableRead.model_validate(one) for one in rows],
        due=due,
        received=received,
        arrears=sum(one.amount - one.received for one in fallen),
        available_actions=available_actions(
            work, CONTRACT, contract, await _build_facts(work, contract, ContractTransitionRequest())
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
    """One step; signing makes the schedule, an early end voids what had not fallen due."""
    seen = await get_contract(work, contract_id)
    await register.get_asset(
        work, seen.asset_id, lock=True
    )  # two contracts over one asset are signed one after the other
    contract = await get_contract(work, contract_id, lock=True)
    when = effective_time(body, contract.state_since, work.at) if not dry_run else work.at
    preview = await apply_transition(
        work,
        CONTRACT,
        contract,
        action,
        await _build_facts(work, contract, body),
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
        _insert_receivables(work, contract)
    if action is ContractAction.TERMINATE:
        await _void_receivables_after(work, contract, when.astimezone(CHINA_TIME_ZONE).date())
    await work.session.flush()
    return await get_contract_detail(work, contract)


def _insert_receivables(work: UnitOfWork, contract: OperatingContract) -> None:
    steps = [RentStep(date.fromisoformat(one["starts_on"]), one["amount"]) for one in contract.steps]
    for due in build_schedule(
        contract.first_due_on, contract.ends_on, contract.period, contract.amount, steps
    ):
        work.session.add(
            Receivable(
                id=new_id(),
                region=contract.region,
                created_at=work.at,
                created_by=work.actor.id,
                updated_at=work.at,
                contract_id=contract.id,
                asset_id=contract.asset_id,
                number=due.number,
                due_on=due.due_on,
                amount=due.amount,
            )
        )


async def _void_receivables_after(work: UnitOfWork, contract: OperatingContract, on: date) -> None:
    for one in await repository.list_receivables(work, contract.id, lock=True):
        if one.due_on > on and not one.received:
            one.void, one.open = True, False
            work.session.add(one)


async def mark_operator(
    work: UnitOfWork, contract_id: UUID, body: OperatorStatusPost, match: VersionMatch
) -> OperatingContract:
    """Note that the operator was deregistered or is gone, or that it is not."""
    contract = await get_contract(work, contract_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, contract.region)
    match.check_version(contract)
    before = {"operator_gone": contract.operator_gone}
    contract.operator_gone = body.gone
    contract.version += 1
    contract.updated_at = work.at
    work.session.add(contract)
    event = OperatorMarked(contract_id=contract.id, gone=body.gone)
    await work.publish(event, contract, before=to_json_values(before), reason=body.reason)
    return contract


UNSIGNED_STATES = frozenset({ContractState.DRAFT, ContractState.CANCELLED})


async def record_receipt(
    work: UnitOfWork, asset_id: UUID, body: ReceiptPost, *, contract_id: UUID | None = None
) -> Receipt:
    """Income of an asset, of a contract or beside one. Invalid when it is more than the contract can still owe."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if asset.state not in COUNTED_STATES:
        raise conflict("not_registered", "资产未登记, 不能登记收益", "The asset is not on the register")
    if body.received_on > work.today:
        raise invalid("in_the_future", "收款日期不能晚于今天", "/received_on", "It lies in the future")
    receipt, fresh = await create_record(
        work, Receipt, body, region=asset.region, id=body.id, asset_id=asset.id, contract_id=contract_id,
        **body.model_dump(exclude={"id"}),
    )  # fmt: skip
    if fresh:
        if contract_id is not None:
            await _settle_receivables(work, receipt, contract_id)
        await _publish_receipt(work, asset, receipt)
    return receipt


async def record_contract_receipt(work: UnitOfWork, contract_id: UUID, body: ReceiptPost) -> Receipt:
    """The same for a contract that was signed."""
    contract = await get_contract(work, contract_id)
    if contract.state in UNSIGNED_STATES:
        raise conflict("not_signed", f"合同{contract.state.label}, 没有应收", "The contract was not signed")
    return await record_receipt(work, contract.asset_id, body, contract_id=contract.id)


async def _settle_receivables(work: UnitOfWork, receipt: Receipt, contract_id: UUID) -> None:
    rows = await repository.list_receivables(work, contract_id, lock=True)
    agreed = [one for one in rows if not one.void]
    if not agreed:
        return  # an income that is as it comes has no schedule
    left = receipt.amount
    for due in agreed:
        part = min(left, due.amount - due.received)
        if part > 0:
            _apply_to_receivable(work, receipt, due, part)
            left -= part
    if left:
        detail = f"超过合同全部未收金额 {format_yuan(left)} 元; 合同外收入请登记为资产的其他收益"
        raise invalid("above_contract", detail, "/amount", "More than the contract still owes")


def _apply_to_receivable(work: UnitOfWork, receipt: Receipt, due: Receivable, part: int) -> None:
    due.received += part
    due.open = due.received < due.amount
    due.version += 1
    due.updated_at = work.at
    work.session.add(due)
    work.session.add(ReceiptPart(receipt_id=receipt.id, receivable_id=due.id, amount=part))


async def reverse_receipt(work: UnitOfWork, receipt_id: UUID, body: ReceiptReversalPost) -> Receipt:
    """Take a receipt back, by somebody else than who entered it."""
    seen = await scoped.get_record(work, Receipt, receipt_id, "笔实收")
    asset = await register.get_asset(work, seen.asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if seen.created_by == work.actor.id:
        raise Forbidden("不能冲销本人登记的实收, 须由另一人办理", "Four eyes: another person must")
    if seen.reverses is not None or (body.id is None and await repository.is_reversed(work, seen.id)):
        raise conflict("reversed", "已冲销, 或本身是冲销记录", "Reversed already")
    receipt, fresh = await create_record(
        work,
        Receipt,
        body,
        region=seen.region,
        id=body.id,
        asset_id=seen.asset_id,
        contract_id=seen.contract_id,
        amount=-seen.amount,
        received_on=work.today,
        payer=seen.payer,
        voucher_no=seen.voucher_no,
        kind=seen.kind,
        reverses=seen.id,
        note=body.reason,
    )
    if fresh:
        for part, due in await repository.list_receipt_parts(work, seen.id):
            _apply_to_receivable(work, receipt, due, -part.amount)
        await _publish_receipt(work, asset, receipt, body.reason)
    return receipt


async def _publish_receipt(work: UnitOfWork, asset: Asset, receipt: Receipt, reason: str = "") -> None:
    event = IncomeReceived(
        receipt_id=receipt.id,
        asset_id=asset.id,
        contract_id=receipt.contract_id,
        amount=receipt.amount,
        received_on=receipt.received_on,
    )
    await post_receipt(work, str(receipt.id), asset.region, receipt.amount, receipt.received_on)
    await work.publish(event, asset, reason=reason)


async def sum_income(work: UnitOfWork, *, asset_id: UUID | None = None, region: str | None = None) -> Income:
    """Every year's due, settled, owed and received of one asset or a region, from SQL."""
    due = await repository.sum_due_by_year(work, work.today, asset_id=asset_id, region=region)
    came = await repository.sum_received_by_year(work, asset_id=asset_id, region=region)
    years = [
        YearIncome.model_construct(
            year=year,
            due=due.get(year, (0, 0))[0],
            settled=due.get(year, (0, 0))[1],
            arrears=due.get(year, (0, 0))[0] - due.get(year, (0, 0))[1],
            received=came.get(year, 0),
        )
        for year in sorted({*due, *came})
    ]
    return Income.model_construct(
        years=years,
        due=sum(one.due for one in years),
        arrears=sum(one.arrears for one in years),
        received=sum(one.received for one in years),
    )
