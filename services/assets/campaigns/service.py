"""Stock-taking: the expected list is fixed at the start, findings arrive in any order, the report compares."""

from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets.campaigns import repository
from services.assets.campaigns.kinds import Result
from services.assets.campaigns.lifecycle import CAMPAIGN, CampaignAction, CampaignFacts, CampaignState
from services.assets.campaigns.models import Campaign, Finding
from services.assets.campaigns.schemas import (
    CampaignAct,
    CampaignCreate,
    CampaignDetail,
    CampaignRead,
    FindingRead,
    ItemRead,
    Progress,
    Report,
    Tally,
)
from services.assets.scoped import repository as scoped
from services.assets.sums.service import percent
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.http import Match
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.work import Work


class CampaignMoved(AssetEvent):
    """盘点换了状态; `was` is empty when it began."""

    topic = "campaign.moved"
    campaign_id: UUID
    expected: int
    was: str
    now: str


async def begin(work: Work, body: CampaignCreate) -> Campaign:
    """A stock-taking and its expected list, in one transaction."""
    work.actor.require(May.ASSET_OPERATE, body.region)
    campaign, fresh = await create(
        work,
        Campaign,
        body,
        region=body.region,
        id=body.id,
        classes=sorted({str(one) for one in body.classes}),
        state=CampaignState.OPEN,
        state_since=work.at,
        **body.model_dump(include={"name", "starts_on", "ends_on", "note"}),
    )
    if fresh:
        await repository.expect(work, campaign)
        found = await progress(work, campaign.id)
        event = CampaignMoved(
            campaign_id=campaign.id, expected=found.expected.count, was="", now=campaign.state
        )
        await work.tell(event, campaign)
    return campaign


async def progress(work: Work, campaign_id: UUID) -> Progress:
    """How far it is, in counts and values that add up to the expected list."""
    tallies = await repository.tallies(work, campaign_id)
    count = sum(number for number, _ in tallies.values())
    unchecked = tallies.get(None, (0, 0))[0]
    parts: dict[str, Any] = {
        str(result): _tally(tallies.get(result, (0, 0)))
        for result in Result
        if result is not Result.NOT_ON_LIST
    }
    return Progress.model_construct(
        expected=_tally((count, sum(value for _, value in tallies.values()))),
        unchecked=_tally(tallies.get(None, (0, 0))),
        not_on_list=await repository.unlisted(work, campaign_id),
        percent=percent(count - unchecked, count),
        **parts,
    )


def _tally(pair: tuple[int, int]) -> Tally:
    return Tally.model_construct(count=pair[0], value=pair[1])


async def detail(work: Work, campaign: Campaign) -> CampaignDetail:
    """A stock-taking, its progress and what the caller could do."""
    found = await progress(work, campaign.id)
    return CampaignDetail.model_construct(
        **dict(CampaignRead.model_validate(campaign)),
        progress=found,
        available_actions=offers(work, CAMPAIGN, campaign, CampaignFacts(unchecked=found.unchecked.count)),
    )


async def act(
    work: Work, campaign_id: UUID, action: CampaignAction, body: CampaignAct, *, match: Match, dry_run: bool
) -> CampaignDetail | Preview:
    """Close or cancel."""
    campaign = await repository.get(work, campaign_id, lock=True)
    found = await progress(work, campaign.id)
    preview = await fire(
        work,
        CAMPAIGN,
        campaign,
        action,
        CampaignFacts(unchecked=found.unchecked.count, reason=body.reason),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: CampaignMoved(
            campaign_id=campaign.id, expected=found.expected.count, was=was, now=now
        ),
    )
    return preview or await detail(work, campaign)


async def report(work: Work, campaign_id: UUID) -> Report:
    """What was expected and what was found, by village, with every difference."""
    campaign = await repository.get(work, campaign_id)
    villages: dict[str, dict[str, int]] = {}
    for row in await repository.by_village(work, campaign.id):
        villages.setdefault(row.region, {})[str(row.result or "unchecked")] = int(row.number)
    outside = [col(Finding.campaign_id) == campaign.id, col(Finding.result) == Result.NOT_ON_LIST]
    return Report.model_construct(
        campaign=CampaignRead.model_validate(campaign),
        progress=await progress(work, campaign.id),
        by_village=villages,
        differences=[ItemRead.model_validate(one) for one in await repository.differences(work, campaign.id)],
        not_on_list=[FindingRead.model_validate(one) for one in await scoped.some(work, Finding, *outside)],
    )
