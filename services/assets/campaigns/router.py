"""Stock-taking over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.assets.campaigns import findings, repository, service
from services.assets.campaigns.kinds import Result
from services.assets.campaigns.lifecycle import CAMPAIGN, CampaignAction, CampaignState
from services.assets.campaigns.models import Campaign
from services.assets.campaigns.schemas import (
    BatchTaken,
    CampaignAct,
    CampaignCreate,
    CampaignDetail,
    CampaignRead,
    FindingBatch,
    ItemPage,
    ItemRead,
    Report,
)
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets/campaigns", tags=["资产盘点"], route_class=Route)
CURSOR = r"^([0-9]{12}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$"


@router.post(
    "",
    status_code=201,
    response_model=CampaignDetail,
    **allows(May.ASSET_OPERATE, refuses=(Invalid, Conflict, NotFound)),
)
async def begin_campaign(work: Writing, body: CampaignCreate) -> CampaignDetail:
    """开始盘点; 应盘清单取自登记簿."""
    return await service.detail(work, await service.begin(work, body))


@router.get("", response_model=Page[CampaignRead], **allows(May.ASSET_READ))
async def list_campaigns(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    state: CampaignState | None = None,
) -> Page[Campaign]:
    """盘点列表."""
    return await repository.listed(work, asked, region, state)


@router.get("/{campaign_id}", response_model=CampaignDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_campaign(work: Reading, campaign_id: UUID) -> CampaignDetail:
    """盘点和进度."""
    return await service.detail(work, await repository.get(work, campaign_id))


@router.get("/{campaign_id}/items", response_model=ItemPage, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def list_items(
    work: Reading,
    campaign_id: UUID,
    result: Result | None = None,
    unchecked: Annotated[bool, Query(description="只看没有盘的")] = False,
    cursor: Annotated[str, Query(pattern=CURSOR)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> ItemPage:
    """应盘清单, 供手机离线带走."""
    campaign = await repository.get(work, campaign_id)
    rows = await repository.items(
        work, campaign.id, result=result, unchecked=unchecked, after=cursor, limit=limit + 1
    )
    more = len(rows) > limit
    rows = rows[:limit]
    return ItemPage(
        items=[ItemRead.model_validate(one) for one in rows],
        next_cursor=f"{rows[-1].region}.{rows[-1].asset_id}" if more else None,
    )


@router.post(
    "/{campaign_id}/findings",
    response_model=BatchTaken,
    **allows(May.ASSET_INSPECT, refuses=(NotFound, Conflict, Invalid), body=512 * 1024),
)
async def take_findings(work: Writing, campaign_id: UUID, body: FindingBatch) -> BatchTaken:
    """提交盘点记录, 一条或一批; 每条各有结果."""
    return await findings.take(work, campaign_id, body)


@router.get("/{campaign_id}/report", response_model=Report, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_report(work: Reading, campaign_id: UUID) -> Report:
    """盘点报告: 进度、分村、差异清单、账外清单."""
    return await service.report(work, campaign_id)


@router.post(
    "/{campaign_id}/{action}",
    response_model=CampaignDetail | Preview,
    description=f"```mermaid\n{CAMPAIGN.mermaid()}\n```",
    **allows(*CAMPAIGN.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_campaign(
    work: Writing,
    campaign_id: UUID,
    action: CampaignAction,
    body: CampaignAct,
    match: IfMatch,
    dry_run: bool = False,
) -> CampaignDetail | Preview:
    """完成或取消盘点."""
    return await service.act(work, campaign_id, action, body, match=match, dry_run=dry_run)
