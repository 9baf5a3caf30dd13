"""Money that comes in: it settles the oldest receivables first, and is taken back only by another person's reversal."""

from uuid import UUID

from services.assets.contracts import repository
from services.assets.contracts import service as contracts
from services.assets.contracts.events import IncomeReceived
from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import Receipt, ReceiptPart, Receivable
from services.assets.contracts.schemas import Income, ReceiptPost, ReceiptReverse, YearIncome
from services.assets.distributions.ledger import came_in
from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED
from services.assets.register.models import Asset
from services.assets.scoped import repository as scoped
from shared.creates import create
from shared.errors import Forbidden
from shared.money import yuan
from shared.permissions import May
from shared.work import Work

UNSIGNED = frozenset({ContractState.DRAFT, ContractState.CANCELLED})


async def receive(
    work: Work, asset_id: UUID, body: ReceiptPost, *, contract_id: UUID | None = None
) -> Receipt:
    """Income of an asset, of a contract or beside one. Invalid when it is more than the contract can still owe."""
    asset = await register.get(work, asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if asset.state not in COUNTED:
        raise not_now("not_registered", "资产未登记, 不能登记收益", "The asset is not on the register")
    if body.received_on > work.today:
        raise wrong("in_the_future", "收款日期不能晚于今天", "/received_on", "It lies in the future")
    receipt, fresh = await create(
        work, Receipt, body, region=asset.region, id=body.id, asset_id=asset.id, contract_id=contract_id,
        **body.model_dump(exclude={"id"}),
    )  # fmt: skip
    if fresh:
        if contract_id is not None:
            await _settle(work, receipt, contract_id)
        await _tell(work, asset, receipt)
    return receipt


async def of_contract(work: Work, contract_id: UUID, body: ReceiptPost) -> Receipt:
    """The same for a contract that was signed."""
    contract = await contracts.get(work, contract_id)
    if contract.state in UNSIGNED:
        raise not_now("not_signed", f"合同{contract.state.label}, 没有应收", "The contract was not signed")
    return await receive(work, contract.asset_id, body, contract_id=contract.id)


async def _settle(work: Work, receipt: Receipt, contract_id: UUID) -> None:
    rows = await repository.receivables(work, contract_id, lock=True)
    agreed = [one for one in rows if not one.void]
    if not agreed:
        return  # an income that is as it comes has no schedule
    left = receipt.amount
    for due in agreed:
        part = min(left, due.amount - due.received)
        if part > 0:
            _apply(work, receipt, due, part)
            left -= part
    if left:
        detail = f"超过合同全部未收金额 {yuan(left)} 元; 合同外收入请登记为资产的其他收益"
        raise wrong("above_contract", detail, "/amount", "More than the contract still owes")


def _apply(work: Work, receipt: Receipt, due: Receivable, part: int) -> None:
    due.received += part
    due.open = due.received < due.amount
    due.version += 1
    due.updated_at = work.at
    work.session.add(due)
    work.session.add(ReceiptPart(receipt_id=receipt.id, receivable_id=due.id, amount=part))


async def reverse(work: Work, receipt_id: UUID, body: ReceiptReverse) -> Receipt:
    """Take a receipt back, by somebody else than who entered it."""
    seen = await scoped.one(work, Receipt, receipt_id, "笔实收")
    asset = await register.get(work, seen.asset_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if seen.created_by == work.actor.id:
        raise Forbidden("不能冲销本人登记的实收, 须由另一人办理", "Four eyes: another person must")
    if seen.reverses is not None or (body.id is None and await repository.reversed_already(work, seen.id)):
        raise not_now("reversed", "已冲销, 或本身是冲销记录", "Reversed already")
    receipt, fresh = await create(
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
        for part, due in await repository.parts(work, seen.id):
            _apply(work, receipt, due, -part.amount)
        await _tell(work, asset, receipt, body.reason)
    return receipt


async def _tell(work: Work, asset: Asset, receipt: Receipt, reason: str = "") -> None:
    event = IncomeReceived(
        receipt_id=receipt.id,
        asset_id=asset.id,
        contract_id=receipt.contract_id,
        amount=receipt.amount,
        received_on=receipt.received_on,
    )
    await came_in(work, str(receipt.id), asset.region, receipt.amount, receipt.received_on)
    await work.tell(event, asset, reason=reason)


async def income(work: Work, *, asset_id: UUID | None = None, region: str | None = None) -> Income:
    """Every year's due, settled, owed and received of one asset or a region, from SQL."""
    due = await repository.due_by_year(work, work.today, asset_id=asset_id, region=region)
    came = await repository.received_by_year(work, asset_id=asset_id, region=region)
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
