"""Carrying a project's sources of money over to its assets, in proportion to what each source gave."""

import asyncio
from collections import defaultdict
from typing import Any
from uuid import UUID

import structlog

from services.assets.funding import repository
from services.assets.refusals import not_now
from services.assets.register import repository as register
from services.assets.register.events import AssetChanged
from services.assets.register.models import Asset
from shared.contracts.funds import FundsClient
from shared.errors import Refusal
from shared.money import fen, share
from shared.permissions import May
from shared.work import Context, Peer, Work

EVERY = 60
log = structlog.get_logger("funding")


def parts(thread: dict[str, Any], value: int) -> list[dict[str, Any]]:
    """A value in 分 split over the documents a project was allocated money from, adding up exactly."""
    given: defaultdict[str, int] = defaultdict(int)
    for allocation in thread["allocations"]:
        given[allocation["source_id"]] += fen(allocation["amount"])
    sources = [one for one in thread["sources"] if given[one["id"]] > 0]
    if not sources:
        return []
    amounts = share(value, [given[one["id"]] for one in sources])
    return [
        {"level": one["level"], "fund": one["fund"], "document_no": one["document_no"], "amount": amount}
        for one, amount in zip(sources, amounts, strict=True)
        if amount
    ]


async def ask(peer: Peer, project_id: UUID, value: int) -> list[dict[str, Any]]:
    """What funds says; Unavailable when it is down."""
    return parts(await FundsClient(peer).thread(project_id=project_id), value)


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
    await keep(work, asset, found)
    return asset


async def keep(work: Work, asset: Asset, found: list[dict[str, Any]]) -> None:
    """Write the sources down, with their event."""
    before = {"funding": asset.funding}
    asset.funding, asset.funding_known = found, True
    asset.version += 1
    asset.updated_at = work.at
    work.session.add(asset)
    event = AssetChanged(asset_id=asset.id, fields=["funding"])
    await work.tell(event, asset, before=before, reason="资金来源取自资金总账")


async def fill(context: Context) -> int:
    """Fill what is waiting, as far as funds answers; how many were filled. Safe to run any number of times."""
    async with context.database.read() as session:
        waiting = await repository.system_waiting(context.work(session))
    done = 0
    for asset in waiting:
        peer = Peer(context, "funds", context.itself(), context.clock())
        found = await ask(peer, asset.project_id, asset.original_value) if asset.project_id else []
        async with context.database.write() as session:
            work = context.work(session)
            now = await repository.system_locked(work, asset)
            if found and now and not now.funding_known and now.original_value == asset.original_value:
                await keep(work, now, found)
                done += 1
    return done


async def fill_forever(context: Context) -> None:
    """The background task."""
    while True:
        try:
            await fill(context)
        except Refusal as refusal:
            log.warning("funding", reason=refusal.detail)
        await asyncio.sleep(EVERY)
