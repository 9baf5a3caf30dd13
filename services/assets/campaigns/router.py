"""Routes of stock-taking."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.assets.campaigns import repository, service
from services.assets.campaigns.lifecycle import CAMPAIGN, CampaignAction, CampaignState
from services.assets.campaigns.models import Campaign
from services.assets.campaigns.schemas import (
    CampaignCreate,
    CampaignDetail,
    CampaignItemPage,
    CampaignItemRead,
    CampaignRead,
    CampaignReport,
    CampaignTransitionRequest,
    FindingBatch,
    FindingBatchOutcome,
    FindingPost,
    FindingResult,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, RecordKind, turn

router = APIRouter(prefix="/assets/campaigns", tags=["资产盘点"], route_class=Route)
CURSOR_PATTERN = r"^([0-9]{12}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$"


@router.post(
    "",
    status_code=201,
    response_model=CampaignDetail,
    **requires(May.CAMPAIGN_RUN, refuses=(Invalid, Conflict, NotFound)),
)
async def create_campaign(work: WriteWork, body: CampaignCreate) -> CampaignDetail:
    """开始盘点; 应盘清单取自登记簿."""
    return await service.get_campaign_detail(work, await service.create_campaign(work, body))


@router.get("", response_model=Page[CampaignRead], **requires(May.ASSET_READ))
async def list_campaigns(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    state: CampaignState | None = None,
) -> PageAnswer:
    """盘点列表."""
    return await repository.list_campaigns(work, page_params, region, state)


@router.get("/{campaign_id}", response_model=CampaignDetail, **requires(May.ASSET_READ, refuses=(NotFound,)))
async def read_campaign(work: ReadWork, campaign_id: UUID) -> CampaignDetail:
    """盘点和进度."""
    return await service.get_campaign_detail(work, await repository.get_campaign(work, campaign_id))


@router.get(
    "/{campaign_id}/items", response_model=CampaignItemPage, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def list_items(
    work: ReadWork,
    campaign_id: UUID,
    result: FindingResult | None = None,
    unchecked: Annotated[bool, Query(description="只看没有盘的")] = False,
    cursor: Annotated[str, Query(pattern=CURSOR_PATTERN)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> CampaignItemPage:
    """应盘清单, 供手机离线带走."""
    campaign = await repository.get_campaign(work, campaign_id)
    rows = await repository.list_items(
        work, campaign.id, result=result, unchecked=unchecked, after=cursor, limit=limit + 1
    )
    has_more = len(rows) > limit
    rows = rows[:limit]
    return CampaignItemPage(
        items=[CampaignItemRead.model_validate(item) for item in rows],
        next_cursor=f"{rows[-1].region}.{rows[-1].asset_id}" if has_more else None,
    )


@router.post(
    "/{campaign_id}/findings",
    response_model=FindingBatchOutcome,
    **requires(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid), body=512 * 1024),
)
async def record_findings(work: WriteWork, campaign_id: UUID, body: FindingBatch) -> FindingBatchOutcome:
    """提交盘点记录, 一条或一批; 每条各有结果."""
    return await service.record_findings(work, campaign_id, body)


@router.get(
    "/{campaign_id}/report", response_model=CampaignReport, **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_report(work: ReadWork, campaign_id: UUID) -> CampaignReport:
    """盘点报告: 进度、分村、差异清单、账外清单."""
    return await service.get_report(work, campaign_id)


@router.post(
    "/{campaign_id}/{action}",
    response_model=CampaignDetail | TransitionPreview,
    **moves(CAMPAIGN),
)
async def act_on_campaign(
    work: WriteWork,
    campaign_id: UUID,
    action: CampaignAction,
    body: CampaignTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> CampaignDetail | TransitionPreview:
    """完成或取消盘点."""
    return await service.transition_campaign(work, campaign_id, action, body, match=match, dry_run=dry_run)


CAMPAIGN_KIND = RecordKind(
    name="campaign",
    label="盘点",
    path="/assets/campaigns",
    model=Campaign,
    read=CampaignRead,
    may=May.ASSET_READ,
    title="name",
    columns=("name", "region", "starts_on", "ends_on", "state"),
    filters=("region", "state"),
    search=("name",),
    lifecycle=CAMPAIGN,
    due="ends_on",
    topics=("campaign.moved", "campaign.counted"),
    turns=(turn(CampaignState.OPEN, CampaignAction.CLOSE, "进行中的盘点"),),
    references={"asset_id": "asset"},
    acts=(Act("盘点一件", "/assets/campaigns/{id}/findings", FindingPost),),
    visible=repository.visible_campaigns,
    phone=True,
)
