"""Use cases of the deposit book: a second person confirms each entry; what is kept becomes income of the asset."""

from itertools import accumulate
from uuid import UUID

from services.assets import repository_base as records
from services.assets.contracts import service as contracts
from services.assets.contracts.models import OperatingContract
from services.assets.contracts.schemas import ReceiptPost, ReceiptReversalPost
from services.assets.deposits import repository
from services.assets.deposits.events import DepositMoved
from services.assets.deposits.lifecycle import DEPOSIT, DepositAction, DepositFacts, DepositState
from services.assets.deposits.models import Deposit
from services.assets.deposits.schemas import (
    DepositDetail,
    DepositKind,
    DepositPost,
    DepositRead,
    DepositTransitionRequest,
)
from services.assets.errors import conflict
from services.assets.register import repository as register
from shared.auth import May
from shared.china import format_yuan, normalize_document_no
from shared.errors import FieldError, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record
from shared.unit_of_work import UnitOfWork


async def create_entry(work: UnitOfWork, contract_id: UUID, body: DepositPost) -> Deposit:
    """Enter money of a deposit. Conflict when the contract was not signed or the voucher counts already."""
    contract = await contracts.get_contract(work, contract_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, contract.region)
    if contract.state in contracts.UNSIGNED_STATES:
        raise conflict("not_signed", f"合同{contract.state.label}, 不能收退保证金", "It was not signed")
    if body.happened_on > work.today:
        raise invalid_field("in_the_future", "发生日期不能晚于今天", "/happened_on", "It lies in the future")
    voucher = normalize_document_no(body.voucher_no)
    for earlier in await repository.list_entries(work, contract.id):
        same = earlier.kind is body.kind and normalize_document_no(earlier.voucher_no) == voucher
        if same and earlier.id != body.id:
            detail = (
                f"凭证 {earlier.voucher_no} 已登记({earlier.kind.label} {format_yuan(earlier.amount)} 元)"
            )
            raise conflict("voucher_used", detail, "This voucher counts already")
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    entry, _ = await create_record(
        work,
        Deposit,
        body,
        event=lambda one: _build_event(one, "", one.state),
        region=contract.region,
        id=body.id,
        contract_id=contract.id,
        asset_id=contract.asset_id,
        file_ids=file_ids,
        state=DepositState.ENTERED,
        state_since=work.at,
        **body.model_dump(exclude={"id", "file_ids"}),
    )
    return entry


async def get_entry(work: UnitOfWork, deposit_id: UUID, *, lock: bool = False) -> Deposit:
    """One entry in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Deposit, deposit_id, "笔保证金", lock=lock)


async def get_entry_detail(work: UnitOfWork, entry: Deposit) -> DepositDetail:
    """An entry with the actions available to the caller."""
    facts = await _build_facts(work, entry, DepositTransitionRequest())
    return DepositDetail.model_construct(
        **dict(DepositRead.model_validate(entry)),
        available_actions=available_actions(work, DEPOSIT, entry, facts),
    )


async def transition_entry(
    work: UnitOfWork,
    deposit_id: UUID,
    action: DepositAction,
    body: DepositTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> DepositDetail | TransitionPreview:
    """Apply one transition; confirming what is kept records the income in the same transaction, reversing takes it back."""
    unlocked = await get_entry(work, deposit_id)
    await register.get_asset(work, unlocked.asset_id, lock=True)
    await contracts.get_contract(work, unlocked.contract_id, lock=True)
    entry = await get_entry(work, deposit_id, lock=True)
    preview = await apply_transition(
        work,
        DEPOSIT,
        entry,
        action,
        await _build_facts(work, entry, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _build_event(entry, was, now),
    )
    if preview is not None:
        return preview
    if action is DepositAction.CONFIRM:
        entry.confirmed_by = work.actor.id
        entry.receipt_id = await _record_income(work, entry)
    if action is DepositAction.REVERSE and entry.receipt_id is not None:
        await contracts.reverse_receipt(work, entry.receipt_id, ReceiptReversalPost(reason=body.reason))
    work.session.add(entry)
    await work.session.flush()
    return await get_entry_detail(work, entry)


def _build_event(entry: Deposit, was: str, now: str) -> DepositMoved:
    return DepositMoved(
        deposit_id=entry.id,
        contract_id=entry.contract_id,
        kind=entry.kind,
        amount=entry.amount,
        happened_on=entry.happened_on,
        was=was,
        now=now,
    )


async def _record_income(work: UnitOfWork, entry: Deposit) -> UUID | None:
    """What is kept for rent settles the oldest receivables of the contract; for damage it is income beside it."""
    if entry.kind not in {DepositKind.KEPT_RENT, DepositKind.KEPT_DAMAGE}:
        return None
    is_rent = entry.kind is DepositKind.KEPT_RENT
    receipt = ReceiptPost.model_construct(
        id=None,
        amount=entry.amount,
        received_on=entry.happened_on,
        payer=entry.party,
        voucher_no=entry.voucher_no,
        kind="deposit_kept" if is_rent else "compensation",
        note=f"保证金{entry.kind.label}",
    )
    contract_id = entry.contract_id if is_rent else None
    return (await contracts.record_receipt(work, entry.asset_id, receipt, contract_id=contract_id)).id


async def _build_facts(work: UnitOfWork, entry: Deposit, body: DepositTransitionRequest) -> DepositFacts:
    contract = await contracts.get_contract(work, entry.contract_id)
    return DepositFacts(error=await _find_error(work, contract, entry), reason=body.reason)


async def _find_error(work: UnitOfWork, contract: OperatingContract, entry: Deposit) -> FieldError | None:
    """Why the book would not hold once the entry counts, or counts no longer where it does already."""
    others = [
        one
        for one in await repository.list_entries(work, contract.id)
        if one.state is DepositState.CONFIRMED and one.id != entry.id
    ]
    counted = others if entry.state is DepositState.CONFIRMED else [*others, entry]
    counted.sort(key=lambda one: (one.happened_on, -one.kind.sign))
    received = sum(one.amount for one in counted if one.kind is DepositKind.RECEIVED)
    if entry.state is DepositState.ENTERED and entry.kind is DepositKind.RECEIVED:
        if received > contract.deposit:
            detail = f"合同约定保证金 {format_yuan(contract.deposit)} 元, 收取合计 {format_yuan(received)} 元"
            return FieldError("above_agreed", detail, "More than was agreed", "/amount")
        return None
    balances = list(accumulate(one.kind.sign * one.amount for one in counted))
    if min(balances, default=0) >= 0:
        return None
    day = next(one.happened_on for one, left in zip(counted, balances, strict=True) if left < 0)
    detail = f"{day} 的保证金余额不足, 差 {format_yuan(-min(balances))} 元"
    return FieldError("below_zero", detail, "The deposit does not hold that much", "/amount")
