"""Use cases of stock-taking: a fixed expected list, findings in any order, progress and report."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.campaigns import repository
from services.assets.campaigns.events import AssetCounted, CampaignMoved
from services.assets.campaigns.lifecycle import CAMPAIGN, CampaignAction, CampaignFacts, CampaignState
from services.assets.campaigns.models import Campaign, CampaignItem, StocktakeFinding
from services.assets.campaigns.schemas import (
    CampaignCreate,
    CampaignDetail,
    CampaignItemRead,
    CampaignProgress,
    CampaignRead,
    CampaignReport,
    CampaignTransitionRequest,
    FindingBatch,
    FindingBatchOutcome,
    FindingOutcome,
    FindingPost,
    FindingResult,
    StocktakeFindingRead,
    StocktakeTally,
)
from services.assets.custody import rules
from services.assets.custody.schemas import BatchItemOutcome
from services.assets.custody.service import MAX_CLOCK_SKEW, evaluate_fix
from services.assets.errors import conflict
from services.assets.register import repository as register
from services.assets.register.models import Asset
from services.assets.summary.service import format_percent
from shared.auth import May, is_region_within
from shared.china import FencePosition
from shared.errors import ApiError, FieldErrorRead, invalid_field
from shared.files import uploads
from shared.http import VersionMatch, to_field_errors
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import content_digest, create_record, log_event
from shared.unit_of_work import UnitOfWork

SIGHTING_RESULTS = frozenset({FindingResult.FOUND, FindingResult.DAMAGED, FindingResult.MISPLACED})


async def create_campaign(work: UnitOfWork, body: CampaignCreate) -> Campaign:
    """Create a stock-taking with its expected list, in one transaction."""
    work.actor.require(May.CAMPAIGN_RUN, body.region)
    campaign, created = await create_record(
        work,
        Campaign,
        body,
        region=body.region,
        id=body.id,
        classes=sorted({str(asset_class) for asset_class in body.classes}),
        state=CampaignState.OPEN,
        state_since=work.at,
        **body.model_dump(include={"name", "starts_on", "ends_on", "note"}),
    )
    if created:
        await repository.insert_expected_items(work, campaign)
        progress = await get_progress(work, campaign.id)
        event = CampaignMoved(
            campaign_id=campaign.id, expected=progress.expected.count, was="", now=campaign.state
        )
        await log_event(work, campaign, event)
    return campaign


async def get_progress(work: UnitOfWork, campaign_id: UUID) -> CampaignProgress:
    """Progress as counts and values (分) per result, which add up to the expected list."""
    tallies = await repository.sum_by_result(work, campaign_id)
    count = sum(number for number, _ in tallies.values())
    unchecked = tallies.get(None, (0, 0))[0]
    parts: dict[str, Any] = {
        str(result): _build_tally(tallies.get(result, (0, 0)))
        for result in FindingResult
        if result is not FindingResult.NOT_ON_LIST
    }
    return CampaignProgress.model_construct(
        expected=_build_tally((count, sum(value for _, value in tallies.values()))),
        unchecked=_build_tally(tallies.get(None, (0, 0))),
        not_on_list=await repository.count_unlisted(work, campaign_id),
        percent=format_percent(count - unchecked, count),
        **parts,
    )


async def get_campaign_detail(work: UnitOfWork, campaign: Campaign) -> CampaignDetail:
    """A stock-taking with its progress and the actions available to the caller."""
    progress = await get_progress(work, campaign.id)
    return CampaignDetail.model_construct(
        **dict(CampaignRead.model_validate(campaign)),
        progress=progress,
        available_actions=available_actions(
            work, CAMPAIGN, campaign, CampaignFacts(unchecked=progress.unchecked.count)
        ),
    )


async def transition_campaign(
    work: UnitOfWork,
    campaign_id: UUID,
    action: CampaignAction,
    body: CampaignTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> CampaignDetail | TransitionPreview:
    """Close or cancel a stock-taking; on `dry_run` return a preview instead."""
    campaign = await repository.get_campaign(work, campaign_id, lock=True)
    progress = await get_progress(work, campaign.id)
    preview = await apply_transition(
        work,
        CAMPAIGN,
        campaign,
        action,
        CampaignFacts(unchecked=progress.unchecked.count, reason=body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: CampaignMoved(
            campaign_id=campaign.id, expected=progress.expected.count, was=was, now=now
        ),
    )
    return preview or await get_campaign_detail(work, campaign)


async def get_report(work: UnitOfWork, campaign_id: UUID) -> CampaignReport:
    """Report: progress, counts per village, differences, unlisted findings."""
    campaign = await repository.get_campaign(work, campaign_id)
    villages: dict[str, dict[str, int]] = {}
    for tally in await repository.count_by_village(work, campaign.id):
        counts = villages.setdefault(work.context.mergers.find_current(tally.region), {})
        result = str(tally.result or "unchecked")
        counts[result] = counts.get(result, 0) + int(tally.number)
    unlisted = [
        col(StocktakeFinding.campaign_id) == campaign.id,
        col(StocktakeFinding.result) == FindingResult.NOT_ON_LIST,
    ]
    return CampaignReport.model_construct(
        campaign=CampaignRead.model_validate(campaign),
        progress=await get_progress(work, campaign.id),
        by_village=villages,
        differences=[
            CampaignItemRead.model_validate(item)
            for item in await repository.list_differences(work, campaign.id)
        ],
        not_on_list=[
            StocktakeFindingRead.model_validate(finding)
            for finding in await records.list_records(work, StocktakeFinding, *unlisted)
        ],
    )


async def record_findings(work: UnitOfWork, campaign_id: UUID, body: FindingBatch) -> FindingBatchOutcome:
    """Record a batch of findings, one outcome per item in order. Conflict when the stock-taking is not open."""
    campaign = await repository.get_campaign(work, campaign_id, share=True)
    if campaign.state is not CampaignState.OPEN:
        raise conflict("not_open", f"盘点{campaign.state.label}, 不再接收记录", "The stock-taking is over")
    # Assets are locked in sorted order, so that two phones that send the same assets cannot deadlock.
    order = sorted(range(len(body.items)), key=lambda index: str(body.items[index].get("asset_id")))
    outcomes = {index: await _record_item(work, campaign, body.items[index]) for index in order}
    return FindingBatchOutcome(items=[outcomes[index] for index in range(len(body.items))])


def _build_tally(pair: tuple[int, int]) -> StocktakeTally:
    return StocktakeTally.model_construct(count=pair[0], value=pair[1])


async def _record_item(work: UnitOfWork, campaign: Campaign, raw: dict[str, Any]) -> FindingOutcome:
    item_id = str(raw.get("id", ""))[:64]
    try:
        item = FindingPost.model_validate(raw)
    except ValidationError as error:
        field_errors = to_field_errors(error.errors())
        return _build_refusal(
            item_id,
            "填写有误",
            [
                FieldErrorRead(pointer=field_error.pointer, code=field_error.code, detail=field_error.detail)
                for field_error in field_errors
            ],
        )
    try:
        finding, created = await _record_finding(work, campaign, item)
    except ApiError as api_error:
        errors = [
            FieldErrorRead(pointer=field_error.pointer, code=field_error.code, detail=field_error.detail)
            for field_error in api_error.errors
        ]
        return _build_refusal(item_id, api_error.detail, errors)
    return FindingOutcome(
        id=item_id,
        taken=BatchItemOutcome.APPLIED if created else BatchItemOutcome.DUPLICATE,
        result=finding.result,
        verdict=finding.verdict,
        words=finding.result.label if created else BatchItemOutcome.DUPLICATE.label,
    )


def _build_refusal(item_id: str, message: str, errors: list[FieldErrorRead]) -> FindingOutcome:
    return FindingOutcome(id=item_id, taken=BatchItemOutcome.REFUSED, words=message, errors=errors)


async def _record_finding(
    work: UnitOfWork, campaign: Campaign, item: FindingPost
) -> tuple[StocktakeFinding, bool]:
    existing = await repository.find_finding(work, item.id)
    if (
        existing is not None
        and existing.created_digest == content_digest(item)
        and existing.created_by == work.actor.id
    ):
        return existing, False
    if item.found_at > work.at + MAX_CLOCK_SKEW:
        raise invalid_field(
            "in_the_future", "盘点时间晚于现在, 请检查手机时间", "/found_at", "It lies in the future"
        )
    photos = [str(file_id) for file_id in item.photos]
    await uploads.require_files(work, photos)
    expected = asset = None
    if item.asset_id is not None:
        expected = await repository.find_item(work, campaign.id, item.asset_id)
        if expected is None:
            raise invalid_field(
                "not_expected", "这项资产不在应盘清单", "/asset_id", "Not on the expected list"
            )
        asset = await register.get_asset(work, item.asset_id)
    region = asset.region if asset else item.region or _default_region(work, campaign)
    work.actor.require(May.ASSET_INSPECT, region)
    position = await evaluate_fix(work, asset, item.fix, item.found_at) if item.fix is not None else {}
    finding, _ = await create_record(
        work,
        StocktakeFinding,
        item,
        event=lambda finding: AssetCounted(
            campaign_id=campaign.id, finding_id=finding.id, asset_id=finding.asset_id, result=finding.result
        ),
        event_time=item.found_at,
        region=region,
        id=item.id,
        campaign_id=campaign.id,
        asset_id=item.asset_id,
        result=_final_result(item.result, position.get("verdict")),
        name=item.name,
        photos=photos,
        note=item.note,
        found_at=item.found_at,
        **position,
    )
    if expected is not None and asset is not None:
        await _update_item(work, expected, asset, finding)
    return finding, True


def _default_region(work: UnitOfWork, campaign: Campaign) -> str:
    """Region of an unlisted finding that names none: the first of the caller's grants within the campaign, else the campaign's."""
    regions = [grant.region for grant in work.actor.grants if is_region_within(grant.region, campaign.region)]
    return regions[0] if regions else campaign.region


def _final_result(reported: FindingResult, verdict: FencePosition | None) -> FindingResult:
    """The result to store: FOUND outside the asset's area becomes MISPLACED."""
    return (
        FindingResult.MISPLACED
        if reported is FindingResult.FOUND and verdict is FencePosition.OUTSIDE
        else reported
    )


async def _update_item(
    work: UnitOfWork, expected: CampaignItem, asset: Asset, finding: StocktakeFinding
) -> None:
    """Update the item; the finding with the latest found_at counts, because batches may arrive in any order."""
    if expected.found_at is None or expected.found_at <= finding.found_at:
        expected.result, expected.found_at, expected.finding_id = finding.result, finding.found_at, finding.id
        work.session.add(expected)
    if finding.result in SIGHTING_RESULTS:
        await rules.record_sighting(work, asset, finding.found_at, photo=bool(finding.photos))
    await work.session.flush()
