"""Bringing an idle or low-yield asset back: approved, carried out, compared with before, checked."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.events import AssetChanged
from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import COUNTED, UseState
from services.assets.register.models import Asset
from services.assets.revivals import repository
from services.assets.revivals.lifecycle import REVIVAL, RevivalAction, RevivalFacts, RevivalState
from services.assets.revivals.models import Revival
from services.assets.revivals.schemas import Figures, RevivalAct, RevivalCreate, RevivalDetail, RevivalRead
from services.assets.scoped import repository as scoped
from shared import files
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.http import Match
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work

YEAR = timedelta(days=365)


class RevivalMoved(AssetEvent):
    """盘活方案换了状态; `was` is empty when it was proposed."""

    topic = "revival.moved"
    revival_id: UUID
    asset_id: UUID
    was: str
    now: str


async def figures(work: Work, asset: Asset) -> dict[str, Any]:
    """An asset's use, last year's income, households and operator, as they stand today."""
    found = Figures.model_construct(
        on=work.today,
        use=asset.use,
        income=await repository.received(work, asset.id, work.today - YEAR, work.today),
        households=asset.households,
        operator=await repository.operator(work, asset.id),
    )
    return {**found.model_dump(mode="python"), "on": str(found.on), "use": str(found.use)}


async def propose(work: Work, body: RevivalCreate) -> Revival:
    """A plan with the figures of today as its beginning."""
    asset = await register.get(work, body.asset_id)
    work.actor.require(May.ASSET_OPERATE, asset.region)
    if asset.asset_class is not AssetClass.OPERATING:
        raise wrong("not_operating", "只有经营性资产编制盘活方案", "/asset_id", "Only operating assets")
    if asset.state not in COUNTED or asset.use is UseState.DISPOSED:
        raise not_now("not_registered", "资产不在册", "The asset is not on the register")
    if body.deadline < work.today:
        raise wrong("deadline_past", "期限早于今天", "/deadline", "The deadline is past already")
    revival, fresh = await create(
        work,
        Revival,
        body,
        region=asset.region,
        id=body.id,
        before=await figures(work, asset),
        state=RevivalState.PROPOSED,
        state_since=work.at,
        **body.model_dump(exclude={"id"}),
    )
    if fresh:
        await work.tell(_moved(revival, "", revival.state), revival)
    return revival


def _moved(revival: Revival, was: str, now: str) -> RevivalMoved:
    return RevivalMoved(revival_id=revival.id, asset_id=revival.asset_id, was=was, now=now)


async def get(work: Work, revival_id: UUID, *, lock: bool = False) -> Revival:
    """One plan of the caller's regions."""
    return await scoped.one(work, Revival, revival_id, "份盘活方案", lock=lock)


async def _facts(work: Work, revival: Revival, body: RevivalAct) -> RevivalFacts:
    asset = await register.get(work, revival.asset_id)
    return RevivalFacts(evidence=len(body.file_ids), in_use=asset.use is UseState.IN_USE, reason=body.reason)


async def detail(work: Work, revival: Revival) -> RevivalDetail:
    """A plan and what the caller could do."""
    known = await _facts(work, revival, RevivalAct())
    return RevivalDetail.model_construct(
        **dict(RevivalRead.model_validate(revival)),
        available_actions=offers(work, REVIVAL, revival, known),
    )


async def act(
    work: Work, revival_id: UUID, action: RevivalAction, body: RevivalAct, *, match: Match, dry_run: bool
) -> RevivalDetail | Preview:
    """One step; approval puts the asset on its track, the report takes the figures of that day."""
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    revival = await get(work, revival_id, lock=True)
    preview = await fire(
        work,
        REVIVAL,
        revival,
        action,
        await _facts(work, revival, body),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _moved(revival, was, now),
    )
    if preview is not None:
        return preview
    asset = await register.get(work, revival.asset_id, lock=True)
    if action is RevivalAction.APPROVE:
        before = {"track": asset.track and str(asset.track)}
        asset.track = revival.track
        asset.version += 1
        work.session.add(asset)
        event = AssetChanged(asset_id=asset.id, fields=["track"])
        await work.tell(event, asset, before=before, reason="盘活方案批准")
    if action is RevivalAction.REPORT:
        revival.after, revival.reported_by = await figures(work, asset), work.actor.id
        revival.file_ids = [*revival.file_ids, *papers]
    work.session.add(revival)
    return await detail(work, revival)
