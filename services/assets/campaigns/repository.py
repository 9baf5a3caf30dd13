"""Queries of stock-taking."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.campaigns.lifecycle import CampaignState
from services.assets.campaigns.models import Campaign, CampaignItem, StocktakeFinding
from services.assets.campaigns.schemas import CampaignRead, FindingResult
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ITEMS: sa.Table = CampaignItem.__table__  # type: ignore[attr-defined]
ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
FINDINGS: sa.Table = StocktakeFinding.__table__  # type: ignore[attr-defined]


def visible_campaigns(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: the stock-taking lies in the caller's regions, or its list has items there (a village sees that of its district)."""
    expects_visible_asset = (
        sa.select(ITEMS.c.asset_id)
        .where(
            ITEMS.c.campaign_id == col(Campaign.id), work.actor.scope_filter(May.ASSET_READ, ITEMS.c.region)
        )
        .exists()
    )
    return sa.or_(work.actor.scope_filter(May.ASSET_READ, col(Campaign.region)), expects_visible_asset)


async def get_campaign(
    work: UnitOfWork, campaign_id: UUID, *, lock: bool = False, share: bool = False
) -> Campaign:
    """One stock-taking visible to the caller; NotFound otherwise. `share` locks it against closing until the transaction ends."""
    query = select(Campaign).where(Campaign.id == campaign_id, visible_campaigns(work))
    if lock or share:
        query = query.with_for_update(read=share)
    campaign = (await work.session.exec(query)).first()
    if campaign is None:
        raise NotFound(f"没有这次盘点: {campaign_id}", f"No campaign {campaign_id}")
    return campaign


async def list_campaigns(
    work: UnitOfWork, page_params: PageParams, region: str | None, state: CampaignState | None
) -> PageAnswer:
    """One page of the stock-takings visible to the caller."""
    query = select(Campaign).where(visible_campaigns(work))
    if region:
        query = query.where(work.within_region(col(Campaign.region), region))
    if state is not None:
        query = query.where(Campaign.state == state)
    orders = {"starts_on": col(Campaign.starts_on)}
    return await answer_page(
        work.session,
        query,
        page_params,
        orders=orders,
        key=col(Campaign.id),
        default="-starts_on",
        read=CampaignRead,
    )


async def insert_expected_items(work: UnitOfWork, campaign: Campaign) -> None:
    """Insert the expected list: every registered asset of the region and classes, in one statement."""
    assets = sa.select(
        sa.literal(campaign.id, sa.Uuid()),
        ASSETS.c.id,
        ASSETS.c.region,
        ASSETS.c.code,
        ASSETS.c.name,
        ASSETS.c.asset_class,
        ASSETS.c.original_value,
    ).where(
        work.within_region(ASSETS.c.region, campaign.region),
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
        ASSETS.c.state.in_(COUNTED_STATES),
        ASSETS.c.use != UseState.DISPOSED,
        ASSETS.c.asset_class.in_(campaign.classes),
    )
    columns = ["campaign_id", "asset_id", "region", "code", "name", "asset_class", "value"]
    await execute_core(work.session, ITEMS.insert().from_select(columns, assets))


async def find_item(work: UnitOfWork, campaign_id: UUID, asset_id: UUID) -> CampaignItem | None:
    """One item of the expected list, locked, or None."""
    query = select(CampaignItem).where(
        CampaignItem.campaign_id == campaign_id,
        CampaignItem.asset_id == asset_id,
        work.actor.scope_filter(May.ASSET_READ, col(CampaignItem.region)),
    )
    return (await work.session.exec(query.with_for_update())).first()


async def find_finding(work: UnitOfWork, finding_id: UUID) -> StocktakeFinding | None:
    """A finding by the id that the phone assigned, or None."""
    query = select(StocktakeFinding).where(
        StocktakeFinding.id == finding_id,
        work.actor.scope_filter(May.ASSET_READ, col(StocktakeFinding.region)),
    )
    return (await work.session.exec(query)).first()


async def sum_by_result(work: UnitOfWork, campaign_id: UUID) -> dict[FindingResult | None, tuple[int, int]]:
    """Result → (count, original value in 分); the key None holds unchecked items."""
    query = (
        sa.select(
            ITEMS.c.result,
            sa.func.count().label("number"),
            sa.cast(sa.func.sum(ITEMS.c.value), sa.BigInteger).label("value"),
        )
        .where(ITEMS.c.campaign_id == campaign_id, work.actor.scope_filter(May.ASSET_READ, ITEMS.c.region))
        .group_by(ITEMS.c.result)
    )
    return {
        row.result: (int(row.number), int(row.value or 0)) for row in await execute_core(work.session, query)
    }


async def count_unlisted(work: UnitOfWork, campaign_id: UUID) -> int:
    """Number of findings that are not on the expected list."""
    query = sa.select(sa.func.count()).where(
        FINDINGS.c.campaign_id == campaign_id,
        FINDINGS.c.result == FindingResult.NOT_ON_LIST,
        work.actor.scope_filter(May.ASSET_READ, FINDINGS.c.region),
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def count_by_village(work: UnitOfWork, campaign_id: UUID) -> list[sa.Row[Any]]:
    """Rows (region, result, number) of the expected list, ordered by region."""
    query = (
        sa.select(ITEMS.c.region, ITEMS.c.result, sa.func.count().label("number"))
        .where(ITEMS.c.campaign_id == campaign_id, work.actor.scope_filter(May.ASSET_READ, ITEMS.c.region))
        .group_by(ITEMS.c.region, ITEMS.c.result)
        .order_by(ITEMS.c.region)
    )
    return list(await execute_core(work.session, query))


async def list_items(
    work: UnitOfWork,
    campaign_id: UUID,
    *,
    result: FindingResult | None,
    unchecked: bool,
    after: str,
    limit: int,
) -> list[CampaignItem]:
    """Items of the expected list after the cursor `after` ("region.asset_id"), ordered by region and asset."""
    query = select(CampaignItem).where(
        CampaignItem.campaign_id == campaign_id,
        work.actor.scope_filter(May.ASSET_READ, col(CampaignItem.region)),
    )
    if result is not None:
        query = query.where(CampaignItem.result == result)
    if unchecked:
        query = query.where(col(CampaignItem.result).is_(None))
    if after:
        region, _, asset_id = after.partition(".")
        position = sa.tuple_(col(CampaignItem.region), col(CampaignItem.asset_id))
        query = query.where(position > sa.tuple_(sa.literal(region), sa.literal(UUID(asset_id), sa.Uuid())))
    query = query.order_by(col(CampaignItem.region), col(CampaignItem.asset_id)).limit(limit)
    return list(await work.session.exec(query))


async def list_differences(work: UnitOfWork, campaign_id: UUID) -> list[CampaignItem]:
    """Items that are unchecked or whose result is not FOUND (at most 1000)."""
    query = select(CampaignItem).where(
        CampaignItem.campaign_id == campaign_id,
        sa.or_(col(CampaignItem.result).is_(None), col(CampaignItem.result) != FindingResult.FOUND),
        work.actor.scope_filter(May.ASSET_READ, col(CampaignItem.region)),
    )
    query = query.order_by(col(CampaignItem.region), col(CampaignItem.asset_id)).limit(1000)
    return list(await work.session.exec(query))
