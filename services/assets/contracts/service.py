"""Operating contracts: drafted by one, signed by another; their schedule is made when they are signed."""

from datetime import date
from uuid import UUID

from services.assets.contracts import repository
from services.assets.contracts.events import OperatingContractMoved, OperatorMarked
from services.assets.contracts.lifecycle import CONTRACT, ContractAction, ContractFacts, ContractState
from services.assets.contracts.models import OperatingContract, Receivable
from services.assets.contracts.schedule import Step, schedule
from services.assets.contracts.schemas import (
    ContractAct,
    ContractCreate,
    ContractDetail,
    ContractRead,
    OperatorGone,
    ReceivableRead,
)
from services.assets.refusals import wrong
from services.assets.register import repository as register
from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import COUNTED, UseState
from services.assets.scoped import repository as scoped
from shared import files
from shared.creates import create
from shared.http import Match
from shared.ids import new_id
from shared.moves import Preview, fire, happened, offers
from shared.permissions import May
from shared.work import CHINA, Work, plain


async def draft(
    work: Work, asset_id: UUID, body: ContractCreate, *, previous: UUID | None = None
) -> OperatingContract:
    """A contract in draft over an operating asset (a public one may earn too, a household's is its own business)."""
    asset = await register.get(work, asset_id)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if asset.asset_class is AssetClass.HOUSEHOLD:
        raise wrong("household", "到户类资产由农户自行经营, 不签经营合同", "", "A household's own business")
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    given = body.model_dump(exclude={"id", "file_ids", "operator_code", "first_due_on", "steps"})
    contract, _ = await create(
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


async def renew(work: Work, contract_id: UUID, body: ContractCreate) -> OperatingContract:
    """The next contract over the same asset; it may not begin before the earlier one ends."""
    earlier = await get(work, contract_id)
    if body.starts_on <= earlier.ends_on and earlier.state is ContractState.ACTIVE:
        raise wrong(
            "overlap", f"续签起期须晚于原合同止期 {earlier.ends_on}", "/starts_on", "It begins too early"
        )
    return await draft(work, earlier.asset_id, body, previous=earlier.id)


async def get(work: Work, contract_id: UUID, *, lock: bool = False) -> OperatingContract:
    """One contract of the caller's regions."""
    return await scoped.one(work, OperatingContract, contract_id, "份经营合同", lock=lock)


async def _facts(work: Work, contract: OperatingContract, body: ContractAct) -> ContractFacts:
    asset = await register.get(work, contract.asset_id)
    return ContractFacts(
        documents=len(contract.file_ids),
        registered=asset.state in COUNTED and asset.use is not UseState.DISPOSED,
        overlapping=await repository.overlapping(work, contract),
        ends_on=contract.ends_on,
        on=(body.happened_at or work.at).astimezone(CHINA).date(),
        reason=body.reason,
    )


async def detail(work: Work, contract: OperatingContract) -> ContractDetail:
    """The contract, what is due by date, and what the caller could do."""
    rows = await repository.receivables(work, contract.id)
    fallen = [one for one in rows if one.due_on <= work.today and not one.void]
    due, received = sum(one.amount for one in fallen), sum(one.received for one in rows)
    return ContractDetail.model_construct(
        **dict(ContractRead.model_validate(contract)),
        receivables=[ReceivableRead.model_validate(one) for one in rows],
        due=due,
        received=received,
        arrears=sum(one.amount - one.received for one in fallen),
        available_actions=offers(work, CONTRACT, contract, await _facts(work, contract, ContractAct())),
    )


async def act(
    work: Work, contract_id: UUID, action: ContractAction, body: ContractAct, *, match: Match, dry_run: bool
) -> ContractDetail | Preview:
    """One step; signing makes the schedule, an early end voids what had not fallen due."""
    seen = await get(work, contract_id)
    await register.get(
        work, seen.asset_id, lock=True
    )  # two contracts over one asset are signed one after the other
    contract = await get(work, contract_id, lock=True)
    when = happened(body, contract.state_since, work.at) if not dry_run else work.at
    preview = await fire(
        work,
        CONTRACT,
        contract,
        action,
        await _facts(work, contract, body),
        act=body,
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
        _schedule(work, contract)
    if action is ContractAction.TERMINATE:
        await _void_after(work, contract, when.astimezone(CHINA).date())
    await work.session.flush()
    return await detail(work, contract)


def _schedule(work: Work, contract: OperatingContract) -> None:
    steps = [Step(date.fromisoformat(one["starts_on"]), one["amount"]) for one in contract.steps]
    for due in schedule(contract.first_due_on, contract.ends_on, contract.period, contract.amount, steps):
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


async def _void_after(work: Work, contract: OperatingContract, on: date) -> None:
    for one in await repository.receivables(work, contract.id, lock=True):
        if one.due_on > on and not one.received:
            one.void, one.open = True, False
            work.session.add(one)


async def mark_operator(work: Work, contract_id: UUID, body: OperatorGone, match: Match) -> OperatingContract:
    """Note that the operator was deregistered or is gone, or that it is not."""
    contract = await get(work, contract_id, lock=True)
    work.actor.require(May.ASSET_OPERATE, contract.region)
    match.check(contract)
    before = {"operator_gone": contract.operator_gone}
    contract.operator_gone = body.gone
    contract.version += 1
    contract.updated_at = work.at
    work.session.add(contract)
    event = OperatorMarked(contract_id=contract.id, gone=body.gone)
    await work.tell(event, contract, before=plain(before), reason=body.reason)
    return contract
