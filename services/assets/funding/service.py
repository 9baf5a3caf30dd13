"""Carrying a project's sources of money over to its assets, and correcting that when money is taken back later."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from services.assets.funding import repository
from services.assets.refusals import not_now
from services.assets.register import repository as register
from services.assets.register.events import FundingCarried, FundingShare
from services.assets.register.models import Asset
from shared.contracts.funds import FundsClient
from shared.errors import Refusal
from shared.money import fen, share, yuan
from shared.permissions import May
from shared.work import Context, Peer, Work

AGAIN = timedelta(hours=1)
"""When a project without money is asked about again."""
log = structlog.get_logger("funding")


def parts(thread: Mapping[str, Any], value: int) -> list[dict[str, Any]]:
    """A value in 分 split over the documents that stand behind a project, adding up exactly."""
    given: defaultdict[str, int] = defaultdict(int)
    for allocation in thread["allocations"]:
        given[allocation["source_id"]] += _standing(allocation, thread["payments"])
    sources = [one for one in thread["sources"] if given[one["id"]] > 0]
    if not sources:
        return []
    amounts = share(value, [given[one["id"]] for one in sources])
    return [
        {"level": one["level"], "fund": one["fund"], "document_no": one["document_no"], "amount": amount}
        for one, amount in zip(sources, amounts, strict=True)
        if amount
    ]


def _standing(allocation: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> int:
    """What an allocation still gives: after recalls, and without money that was paid, came back and was not paid again."""
    kept, paid = fen(allocation["figures"]["allocated"]), fen(allocation["figures"]["paid"])
    back = sum(fen(one["refunded"]) for one in payments if one["allocation_id"] == allocation["id"])
    return max(paid, kept - back) if back else kept


async def ask(peer: Peer, project_id: UUID, value: int) -> list[dict[str, Any]]:
    """What funds says; Unavailable when it is down."""
    funds = FundsClient(peer)
    thread = await funds.thread(project_id=project_id)
    given = [await funds.allocation(UUID(one["id"])) for one in thread["allocations"]]
    return parts({**thread, "allocations": given}, value)


async def carry_over(work: Work, asset_id: UUID) -> Asset:
    """Fill an asset's funding from the ledger now. Conflict when it has no project or the project no money."""
    async with work.context.database.read() as session:
        seen = await register.get(work.context.work(session, work.actor), asset_id)
    if seen.project_id is None:
        raise not_now("no_project", "资产没有形成项目, 请手工填写资金来源", "No project")
    found = await ask(work.peer("funds"), seen.project_id, seen.original_value)
    asset = await register.get(work, asset_id, lock=True)
    work.actor.require(May.ASSET_REGISTER, asset.region)
    if not found or asset.original_value != seen.original_value:
        raise not_now("no_money", "资金账上没有这个项目的资金安排", "No money of this project")
    await keep(work, asset, found, "资金来源取自资金总账")
    return asset


async def keep(work: Work, asset: Asset, found: list[dict[str, Any]], reason: str) -> None:
    """Write the sources down; when they differ from before, with an event that shows both."""
    before = asset.funding
    asset.funding, asset.funding_known, asset.funding_carried = found, True, True
    asset.funding_asked_at = work.at
    work.session.add(asset)
    if found == before:
        return
    asset.version += 1
    asset.updated_at = work.at
    shares = tuple(FundingShare.model_validate(one | {"amount": yuan(one["amount"])}) for one in found)
    event = FundingCarried(asset_id=asset.id, project_id=asset.project_id, funding=shares)
    shown = [one | {"amount": yuan(one["amount"])} for one in before]
    await work.tell(event, asset, before={"funding": shown}, reason=reason)


async def fill(context: Context, most: int = 50) -> int:
    """Fill what is waiting, as far as funds answers; how many were filled. Safe to run any number of times."""
    async with context.database.read() as session:
        waiting = await repository.system_waiting(context.work(session), context.clock() - AGAIN, most)
    peer = Peer(context, "funds", context.itself(), context.clock())
    done = 0
    for asset in waiting:
        found = await _asked(peer, asset)
        async with context.database.write() as session:
            work = context.work(session)
            now = await repository.system_locked(work, asset)
            if now is not None and not now.funding_known:
                done += await _filled(work, now, found if now.original_value == asset.original_value else [])
    return done


async def _asked(peer: Peer, asset: Asset) -> list[dict[str, Any]]:
    """What funds says of an asset's project; nothing when it refuses, so that one project holds no other up."""
    try:
        return await ask(peer, asset.project_id, asset.original_value) if asset.project_id else []
    except Refusal as refusal:
        log.warning("funding", asset=str(asset.id), reason=refusal.detail)
        return []


async def _filled(work: Work, asset: Asset, found: list[dict[str, Any]]) -> bool:
    asset.funding_asked_at = work.at
    work.session.add(asset)
    if found:
        corrected = (
            "资金调整收回、退款或原值更正后, 按资金总账更正"
            if asset.funding_carried
            else "资金来源取自资金总账"
        )
        await keep(work, asset, found, corrected)
    elif asset.funding_carried and asset.funding:
        await keep(work, asset, [], "项目的资金已全部收回, 资金来源清空")
    return bool(found)
