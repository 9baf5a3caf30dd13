"""What phones send in: one by one or in batches that waited for a signal; each is judged by itself."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.assets.campaigns import repository
from services.assets.campaigns.kinds import Result
from services.assets.campaigns.lifecycle import CampaignState
from services.assets.campaigns.models import Campaign, CampaignItem, Finding
from services.assets.campaigns.schemas import BatchTaken, FindingBatch, FindingPost, FindingTaken
from services.assets.inspections.kinds import Taken
from services.assets.inspections.service import AHEAD, judged
from services.assets.keeping import rhythm
from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.models import Asset
from shared import files
from shared.access import inside
from shared.contracts.assets import AssetEvent
from shared.creates import create, digest
from shared.errors import FaultRead, Refusal
from shared.fences import Standing
from shared.permissions import May
from shared.problems import faults
from shared.work import Work

SEEN = frozenset({Result.FOUND, Result.DAMAGED, Result.MISPLACED})


class AssetCounted(AssetEvent):
    """一项资产已盘点."""

    topic = "campaign.counted"
    campaign_id: UUID
    finding_id: UUID
    asset_id: UUID | None = None
    result: str


async def take(work: Work, campaign_id: UUID, body: FindingBatch) -> BatchTaken:
    """A batch, in order. Conflict when the stock-taking is over; a bad item is refused alone, with its reason."""
    campaign = await repository.get(work, campaign_id, share=True)
    if campaign.state is not CampaignState.OPEN:
        raise not_now("not_open", f"盘点{campaign.state.label}, 不再接收记录", "The stock-taking is over")
    # Locks are taken in one order, so that two phones that send the same assets never wait in a ring.
    order = sorted(range(len(body.items)), key=lambda at: str(body.items[at].get("asset_id")))
    taken = {at: await _one(work, campaign, body.items[at]) for at in order}
    return BatchTaken(items=[taken[at] for at in range(len(body.items))])


async def _one(work: Work, campaign: Campaign, raw: dict[str, Any]) -> FindingTaken:
    name = str(raw.get("id", ""))[:64]
    try:
        item = FindingPost.model_validate(raw)
    except ValidationError as error:
        found = faults(error.errors())
        return _refused(
            name, "填写有误", [FaultRead(pointer=f.pointer, code=f.code, detail=f.detail) for f in found]
        )
    try:
        finding, fresh = await _record(work, campaign, item)
    except Refusal as refusal:
        said = [FaultRead(pointer=f.pointer, code=f.code, detail=f.detail) for f in refusal.faults]
        return _refused(name, refusal.detail, said)
    return FindingTaken(
        id=name,
        taken=Taken.APPLIED if fresh else Taken.DUPLICATE,
        result=finding.result,
        verdict=finding.verdict,
        words=finding.result.label if fresh else Taken.DUPLICATE.label,
    )


def _refused(name: str, words: str, errors: list[FaultRead]) -> FindingTaken:
    return FindingTaken(id=name, taken=Taken.REFUSED, words=words, errors=errors)


async def _record(work: Work, campaign: Campaign, item: FindingPost) -> tuple[Finding, bool]:
    earlier = await repository.finding(work, item.id)
    if earlier is not None and earlier.created_digest == digest(item) and earlier.created_by == work.actor.id:
        return earlier, False
    if item.found_at > work.at + AHEAD:
        raise wrong("in_the_future", "盘点时间晚于现在, 请检查手机时间", "/found_at", "It lies in the future")
    photos = [str(one) for one in item.photos]
    await files.require(work, photos)
    expected = asset = None
    if item.asset_id is not None:
        expected = await repository.item(work, campaign.id, item.asset_id)
        if expected is None:
            raise wrong("not_expected", "这项资产不在应盘清单", "/asset_id", "Not on the expected list")
        asset = await register.get(work, item.asset_id)
    region = asset.region if asset else item.region or _home(work, campaign)
    work.actor.require(May.ASSET_INSPECT, region)
    place = await judged(work, asset, item.fix, item.found_at) if item.fix is not None else {}
    finding, _ = await create(
        work,
        Finding,
        item,
        region=region,
        id=item.id,
        campaign_id=campaign.id,
        asset_id=item.asset_id,
        result=_result(item.result, place.get("verdict")),
        name=item.name,
        photos=photos,
        note=item.note,
        found_at=item.found_at,
        **place,
    )
    if expected is not None and asset is not None:
        await _counted(work, expected, asset, finding)
    event = AssetCounted(
        campaign_id=campaign.id, finding_id=finding.id, asset_id=finding.asset_id, result=finding.result
    )
    await work.tell(event, finding, happened_at=item.found_at)
    return finding, True


def _home(work: Work, campaign: Campaign) -> str:
    """Where a thing that is not on the list was found, when the finder does not say."""
    homes = [grant.region for grant in work.actor.grants if inside(grant.region, campaign.region)]
    return homes[0] if homes else campaign.region


def _result(said: Result, verdict: Standing | None) -> Result:
    """Found, but outside of where the register has it, is misplaced."""
    return Result.MISPLACED if said is Result.FOUND and verdict is Standing.OUTSIDE else said


async def _counted(work: Work, expected: CampaignItem, asset: Asset, finding: Finding) -> None:
    """The latest look counts, whatever order the batches arrive in."""
    if expected.found_at is None or expected.found_at <= finding.found_at:
        expected.result, expected.found_at, expected.finding_id = finding.result, finding.found_at, finding.id
        work.session.add(expected)
    if finding.result in SEEN:
        await rhythm.seen(work, asset, finding.found_at, photo=bool(finding.photos))
    await work.session.flush()
