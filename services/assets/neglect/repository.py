"""What the rules look for in keeping and inspection, one query each, over the caller's regions."""

from datetime import timedelta

import sqlalchemy as sa

from services.assets.alerts.repository import ASSETS, present
from services.assets.campaigns.kinds import Result
from services.assets.campaigns.lifecycle import CampaignState
from services.assets.campaigns.models import Campaign, CampaignItem
from services.assets.contracts.models import Receipt
from services.assets.distributions.kinds import Account
from services.assets.distributions.lifecycle import PlanState
from services.assets.distributions.models import Distribution, IncomeBalance
from services.assets.inspections.models import Inspection
from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import AssetState
from shared.alerts.hits import MOST, Hit
from shared.db import run
from shared.fences import Standing
from shared.money import yuan
from shared.permissions import May
from shared.work import CHINA, Work

SEEN: sa.Table = Inspection.__table__  # type: ignore[attr-defined]
CAMPAIGNS: sa.Table = Campaign.__table__  # type: ignore[attr-defined]
ITEMS: sa.Table = CampaignItem.__table__  # type: ignore[attr-defined]
PLANS: sa.Table = Distribution.__table__  # type: ignore[attr-defined]
BALANCES: sa.Table = IncomeBalance.__table__  # type: ignore[attr-defined]
CAME: sa.Table = Receipt.__table__  # type: ignore[attr-defined]
SHORT = (ASSETS.c.id, ASSETS.c.region, ASSETS.c.name)


async def without_photo(work: Work, days: int) -> list[Hit]:
    """Assets that were inspected within some days, but never with a photo."""
    since = work.at - timedelta(days=days)
    query = sa.select(*SHORT, ASSETS.c.inspected_at, ASSETS.c.keeper_name).where(
        ASSETS.c.inspected_at >= since,
        sa.or_(ASSETS.c.photographed_at.is_(None), ASSETS.c.photographed_at < since),
        *present(work),
    )
    return [
        Hit("asset", str(row.id), row.region, row.name,
            f"最近 {days} 天的巡查都没有照片, 最近一次在 {row.inspected_at.astimezone(CHINA).date()}",
            figures={"管护责任人": row.keeper_name})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


async def seen_elsewhere(work: Work, days: int) -> list[Hit]:
    """Assets whose latest inspection, within some days, was recorded somewhere else than where they lie."""
    query = (
        sa.select(*SHORT, SEEN.c.inspected_at, SEEN.c.distance_m, SEEN.c.inspector)
        .join(ASSETS, sa.and_(ASSETS.c.id == SEEN.c.asset_id, ASSETS.c.inspected_at == SEEN.c.inspected_at))
        .where(
            SEEN.c.inspected_at >= work.at - timedelta(days=days),
            SEEN.c.verdict == Standing.OUTSIDE,
            *present(work),
        )
    )
    return [
        Hit("asset", str(row.id), row.region, row.name,
            f"{row.inspected_at.astimezone(CHINA).date()} 的巡查定位离登记坐落 {round(row.distance_m)} 米, "
            "请核实巡查人是否到场, 或更正资产坐标",
            figures={"距离(米)": str(round(row.distance_m)), "巡查人": row.inspector})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


async def without_keeper(work: Work, days: int) -> list[Hit]:
    """Public assets registered some days ago that nobody is named to keep."""
    query = sa.select(*SHORT).where(
        ASSETS.c.asset_class == AssetClass.PUBLIC,
        ASSETS.c.keeper_name == "",
        ASSETS.c.registered_at < work.at - timedelta(days=days),
        *present(work),
    )
    return [
        Hit("asset", str(row.id), row.region, row.name, f"登记超过 {days} 天, 没有明确管护责任人")
        for row in await run(work.session, query.limit(MOST))
    ]


async def waiting(work: Work, days: int) -> list[Hit]:
    """Drafts that nobody registered for some days, and registered assets whose rights nobody confirmed."""
    since = work.at - timedelta(days=days)
    query = sa.select(*SHORT, ASSETS.c.state).where(
        ASSETS.c.state.in_((AssetState.DRAFT, AssetState.REGISTERED)),
        ASSETS.c.state_since < since,
        work.actor.where(May.ASSET_READ, ASSETS.c.region),
    )
    words = {AssetState.DRAFT: "没有登记", AssetState.REGISTERED: "没有确权"}
    return [
        Hit("asset", str(row.id), row.region, row.name, f"建档或登记超过 {days} 天, {words[row.state]}")
        for row in await run(work.session, query.order_by(ASSETS.c.state_since).limit(MOST))
    ]


async def missing(work: Work, days: int) -> list[Hit]:
    """What a stock-taking closed within some days did not find, and nobody has seen since or disposed of."""
    query = (
        sa.select(*SHORT, CAMPAIGNS.c.name.label("campaign"))
        .join(ITEMS, ITEMS.c.asset_id == ASSETS.c.id)
        .join(CAMPAIGNS, CAMPAIGNS.c.id == ITEMS.c.campaign_id)
        .where(
            CAMPAIGNS.c.state == CampaignState.CLOSED,
            CAMPAIGNS.c.state_since >= work.at - timedelta(days=days),
            ITEMS.c.result == Result.MISSING,
            sa.or_(ASSETS.c.inspected_at.is_(None), ASSETS.c.inspected_at < ITEMS.c.found_at),
            *present(work),
        )
    )
    return [
        Hit("asset", str(row.id), row.region, row.name, f"“{row.campaign}”盘亏, 之后没有找到, 也没有办理处置")
        for row in await run(work.session, query.limit(MOST))
    ]


async def undistributed(work: Work, days: int) -> list[Hit]:
    """Villages and towns that hold income since before some days ago, and have carried out no distribution since."""
    since = work.today - timedelta(days=days)
    carried_out = sa.select(PLANS.c.id).where(
        PLANS.c.region == BALANCES.c.region,
        PLANS.c.state.in_((PlanState.APPROVED, PlanState.CLOSED)),
        PLANS.c.state_since >= work.at - timedelta(days=days),
    )
    old = sa.select(CAME.c.id).where(CAME.c.region == BALANCES.c.region, CAME.c.received_on < since)
    query = sa.select(BALANCES.c.region, BALANCES.c.amount).where(
        BALANCES.c.account == Account.AVAILABLE,
        BALANCES.c.amount > 0,
        old.exists(),
        ~carried_out.exists(),
        work.actor.where(May.ASSET_READ, BALANCES.c.region),
    )
    return [
        Hit("region", row.region, row.region, f"资产收益 {yuan(int(row.amount))} 元没有分配",
            f"{since} 以前收到的收益还没有分配, 未分配余额 {yuan(int(row.amount))} 元",
            figures={"未分配": yuan(int(row.amount))})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip
