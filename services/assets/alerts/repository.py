"""One detection query per risk rule, over the caller's regions; days and years come from the rule."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.assets.campaigns.lifecycle import CampaignState
from services.assets.campaigns.models import Campaign, CampaignItem
from services.assets.campaigns.schemas import FindingResult
from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receipt, Receivable
from services.assets.custody.models import Inspection
from services.assets.distributions.lifecycle import DistributionState
from services.assets.distributions.models import Distribution, IncomeBalance
from services.assets.distributions.schemas import IncomeAccount
from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import Asset, CachedProject
from services.assets.register.schemas import AssetClass
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Detection, Subjects, is_among
from shared.auth import May
from shared.china import FencePosition, format_yuan
from shared.db import execute_core
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
CONTRACTS: sa.Table = OperatingContract.__table__  # type: ignore[attr-defined]
RECEIVABLES: sa.Table = Receivable.__table__  # type: ignore[attr-defined]
PROJECTS: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
INSPECTIONS: sa.Table = Inspection.__table__  # type: ignore[attr-defined]
CAMPAIGNS: sa.Table = Campaign.__table__  # type: ignore[attr-defined]
CAMPAIGN_ITEMS: sa.Table = CampaignItem.__table__  # type: ignore[attr-defined]
DISTRIBUTIONS: sa.Table = Distribution.__table__  # type: ignore[attr-defined]
BALANCES: sa.Table = IncomeBalance.__table__  # type: ignore[attr-defined]
RECEIPTS: sa.Table = Receipt.__table__  # type: ignore[attr-defined]
SUBJECT_COLUMNS = (ASSETS.c.id, ASSETS.c.region, ASSETS.c.name)


def active_asset_conditions(work: UnitOfWork) -> list[sa.ColumnElement[bool]]:
    """Conditions: the asset is on the register, not disposed of, and in the caller's regions."""
    return [
        ASSETS.c.state.in_(COUNTED_STATES),
        ASSETS.c.use != UseState.DISPOSED,
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
    ]


async def list_expiring_contracts(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Active contracts that expire within `days`, or have expired and were not ended."""
    until = work.today + timedelta(days=days)
    query = sa.select(CONTRACTS, ASSETS.c.name).join(ASSETS, ASSETS.c.id == CONTRACTS.c.asset_id)
    query = query.where(
        CONTRACTS.c.state == ContractState.ACTIVE,
        CONTRACTS.c.ends_on <= until,
        *active_asset_conditions(work),
        is_among(CONTRACTS.c.id, subjects),
    )
    return [
        Detection("contract", str(row.id), row.region, row.name, f"经营合同 {row.number} 于 {row.ends_on} 到期", asset_id=row.asset_id,
            figures={"到期日": str(row.ends_on)})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_lost_operators(work: UnitOfWork, subjects: Subjects) -> list[Detection]:
    """Active contracts whose operator is marked as deregistered or unreachable."""
    query = sa.select(CONTRACTS, ASSETS.c.name).join(ASSETS, ASSETS.c.id == CONTRACTS.c.asset_id)
    query = query.where(
        CONTRACTS.c.state == ContractState.ACTIVE,
        CONTRACTS.c.operator_gone.is_(True),
        *active_asset_conditions(work),
        is_among(CONTRACTS.c.id, subjects),
    )
    return [
        Detection(
            "contract",
            str(row.id),
            row.region,
            row.name,
            f"经营主体 {row.operator} 已注销或失联",
            asset_id=row.asset_id,
        )
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]


async def list_unpaid_contracts(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Contracts with open receivables more than `days` past due, one detection per contract."""
    owed = sa.cast(sa.func.sum(RECEIVABLES.c.amount - RECEIVABLES.c.received), sa.BigInteger).label("owed")
    query = (
        sa.select(
            RECEIVABLES.c.contract_id, RECEIVABLES.c.asset_id, ASSETS.c.region, ASSETS.c.name, owed,
            sa.func.min(RECEIVABLES.c.due_on).label("since"), sa.func.count().label("number"),
        )
        .join(ASSETS, ASSETS.c.id == RECEIVABLES.c.asset_id)
        .where(
            RECEIVABLES.c.open.is_(True), RECEIVABLES.c.due_on < work.today - timedelta(days=days),
            work.actor.scope_filter(May.ASSET_READ, RECEIVABLES.c.region),
            is_among(RECEIVABLES.c.contract_id, subjects),
        )
        .group_by(RECEIVABLES.c.contract_id, RECEIVABLES.c.asset_id, ASSETS.c.region, ASSETS.c.name)
    )  # fmt: skip
    return [
        Detection("contract", str(row.contract_id), row.region, row.name,
            f"租金(收益)欠收 {format_yuan(int(row.owed))} 元, 最早应于 {row.since} 收取", asset_id=row.asset_id,
            figures={"欠收": format_yuan(int(row.owed)), "笔数": str(row.number)})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_assets_without_contract(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Operating assets registered more than `days` ago that have no active contract and none that ended within `days`."""
    since = work.today - timedelta(days=days)
    running = sa.select(CONTRACTS.c.id).where(
        CONTRACTS.c.asset_id == ASSETS.c.id,
        sa.or_(CONTRACTS.c.state == ContractState.ACTIVE, CONTRACTS.c.ends_on > since),
        CONTRACTS.c.state != ContractState.CANCELLED,
        CONTRACTS.c.state != ContractState.DRAFT,
    )
    query = sa.select(ASSETS.c.id, ASSETS.c.region, ASSETS.c.name).where(
        ASSETS.c.asset_class == AssetClass.OPERATING,
        ASSETS.c.registered_at < work.at - timedelta(days=days),
        ~running.exists(),
        *active_asset_conditions(work),
        is_among(ASSETS.c.id, subjects),
    )
    return [
        Detection(
            "asset",
            str(row.id),
            row.region,
            row.name,
            f"经营性资产超过 {days} 天没有经营合同, 疑似闲置",
            asset_id=row.id,
        )
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]


async def list_uninspected_assets(work: UnitOfWork, subjects: Subjects) -> list[Detection]:
    """Assets whose inspection is overdue."""
    query = sa.select(
        ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.inspect_due_on, ASSETS.c.keeper_name
    )
    query = query.where(
        ASSETS.c.inspect_due_on < work.today, *active_asset_conditions(work), is_among(ASSETS.c.id, subjects)
    )
    return [
        Detection("asset", str(row.id), row.region, row.name, f"应于 {row.inspect_due_on} 前巡查, 没有记录", asset_id=row.id,
            figures={"管护责任人": row.keeper_name})
        for row in await execute_core(work.session, query.order_by(ASSETS.c.inspect_due_on).limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_overdue_uses(work: UnitOfWork, subjects: Subjects) -> list[Detection]:
    """Idle, low-yield or damaged assets past their deadline."""
    query = sa.select(
        ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.use, ASSETS.c.use_deadline, ASSETS.c.use_person
    )
    query = query.where(
        ASSETS.c.use_deadline < work.today,
        ASSETS.c.use != UseState.IN_USE,
        *active_asset_conditions(work),
        is_among(ASSETS.c.id, subjects),
    )
    return [
        Detection("asset", str(row.id), row.region, row.name, f"资产{row.use.label}, 整改期限 {row.use_deadline} 已过", asset_id=row.id,
            figures={"责任人": row.use_person})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_projects_without_assets(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Projects accepted more than `days` ago without a registered asset."""
    registered = _registered_by_project(subjects)
    query = (
        sa.select(PROJECTS)
        .join(registered, registered.c.project_id == PROJECTS.c.id, isouter=True)
        .where(
            PROJECTS.c.accepted_on < work.today - timedelta(days=days),
            sa.func.coalesce(registered.c.number, 0) == 0,
            work.actor.scope_filter(May.ASSET_READ, PROJECTS.c.region),
            is_among(PROJECTS.c.id, subjects),
        )
    )
    return [
        Detection("project", str(row.id), row.region, row.name,
            f"项目 {row.accepted_on} 验收, 结算 {format_yuan(int(row.settled))} 元, 还没有登记资产",
            project_id=row.id, figures={"结算": format_yuan(int(row.settled))})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_value_differences(work: UnitOfWork, subjects: Subjects) -> list[Detection]:
    """Projects without drafts whose registered value differs from the settled cost."""
    registered = _registered_by_project(subjects)
    query = (
        sa.select(PROJECTS, registered.c.value)
        .join(registered, registered.c.project_id == PROJECTS.c.id)
        .where(
            PROJECTS.c.accepted_on.is_not(None),
            registered.c.number > 0,
            registered.c.drafts == 0,
            registered.c.value != PROJECTS.c.settled,
            work.actor.scope_filter(May.ASSET_READ, PROJECTS.c.region),
            is_among(PROJECTS.c.id, subjects),
        )
    )
    return [
        Detection("project", str(row.id), row.region, row.name,
            f"结算 {format_yuan(int(row.settled))} 元, 登记原值 {format_yuan(int(row.value))} 元, "
            f"相差 {format_yuan(int(row.value - row.settled))} 元",
            project_id=row.id,
            figures={"结算": format_yuan(int(row.settled)), "登记原值": format_yuan(int(row.value)),
                     "相差": format_yuan(int(row.value - row.settled))})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_assets_without_project(
    work: UnitOfWork, first_year: int, subjects: Subjects
) -> list[Detection]:
    """Assets built in `first_year` or later that name no project."""
    query = sa.select(ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.year).where(
        ASSETS.c.project_id.is_(None),
        ASSETS.c.project_name == "",
        ASSETS.c.year >= first_year,
        *active_asset_conditions(work),
        is_among(ASSETS.c.id, subjects),
    )
    return [
        Detection(
            "asset",
            str(row.id),
            row.region,
            row.name,
            f"{row.year} 年形成的资产没有写明形成项目",
            asset_id=row.id,
        )
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]


async def list_assets_without_photo(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Assets inspected within `days`, but not with a photo."""
    since = work.at - timedelta(days=days)
    query = sa.select(*SUBJECT_COLUMNS, ASSETS.c.inspected_at, ASSETS.c.keeper_name).where(
        ASSETS.c.inspected_at >= since,
        sa.or_(ASSETS.c.photographed_at.is_(None), ASSETS.c.photographed_at < since),
        *active_asset_conditions(work),
        is_among(ASSETS.c.id, subjects),
    )
    return [
        Detection("asset", str(row.id), row.region, row.name,
            f"最近 {days} 天的巡查都没有照片, 最近一次在 {row.inspected_at.astimezone(CHINA_TIME_ZONE).date()}",
            figures={"管护责任人": row.keeper_name})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_distant_inspections(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Assets whose latest inspection, within `days`, has a fix outside the asset's area."""
    query = (
        sa.select(
            *SUBJECT_COLUMNS, INSPECTIONS.c.inspected_at, INSPECTIONS.c.distance_m, INSPECTIONS.c.inspector
        )
        .join(
            ASSETS,
            sa.and_(
                ASSETS.c.id == INSPECTIONS.c.asset_id, ASSETS.c.inspected_at == INSPECTIONS.c.inspected_at
            ),
        )
        .where(
            INSPECTIONS.c.inspected_at >= work.at - timedelta(days=days),
            INSPECTIONS.c.verdict == FencePosition.OUTSIDE,
            *active_asset_conditions(work),
            is_among(ASSETS.c.id, subjects),
        )
    )
    return [
        Detection("asset", str(row.id), row.region, row.name,
            f"{row.inspected_at.astimezone(CHINA_TIME_ZONE).date()} 的巡查定位离登记坐落 {round(row.distance_m)} 米, "
            "请核实巡查人是否到场, 或更正资产坐标",
            figures={"距离(米)": str(round(row.distance_m)), "巡查人": row.inspector})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


async def list_assets_without_keeper(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Public assets registered more than `days` ago without a keeper."""
    query = sa.select(*SUBJECT_COLUMNS).where(
        ASSETS.c.asset_class == AssetClass.PUBLIC,
        ASSETS.c.keeper_name == "",
        ASSETS.c.registered_at < work.at - timedelta(days=days),
        *active_asset_conditions(work),
        is_among(ASSETS.c.id, subjects),
    )
    return [
        Detection("asset", str(row.id), row.region, row.name, f"登记超过 {days} 天, 没有明确管护责任人")
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]


async def list_stale_registrations(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Assets that have been draft, or registered without confirmation, for more than `days`."""
    since = work.at - timedelta(days=days)
    query = sa.select(*SUBJECT_COLUMNS, ASSETS.c.state).where(
        ASSETS.c.state.in_((AssetState.DRAFT, AssetState.REGISTERED)),
        ASSETS.c.state_since < since,
        work.actor.scope_filter(May.ASSET_READ, ASSETS.c.region),
        is_among(ASSETS.c.id, subjects),
    )
    problems = {AssetState.DRAFT: "没有登记", AssetState.REGISTERED: "没有确权"}
    return [
        Detection(
            "asset", str(row.id), row.region, row.name, f"建档或登记超过 {days} 天, {problems[row.state]}"
        )
        for row in await execute_core(
            work.session, query.order_by(ASSETS.c.state_since).limit(MAX_ROWS_PER_SCAN)
        )
    ]


async def list_missing_assets(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Assets that a stock-taking closed within `days` reported missing, not seen since and not disposed of."""
    query = (
        sa.select(*SUBJECT_COLUMNS, CAMPAIGNS.c.name.label("campaign"))
        .join(CAMPAIGN_ITEMS, CAMPAIGN_ITEMS.c.asset_id == ASSETS.c.id)
        .join(CAMPAIGNS, CAMPAIGNS.c.id == CAMPAIGN_ITEMS.c.campaign_id)
        .where(
            CAMPAIGNS.c.state == CampaignState.CLOSED,
            CAMPAIGNS.c.state_since >= work.at - timedelta(days=days),
            CAMPAIGN_ITEMS.c.result == FindingResult.MISSING,
            sa.or_(ASSETS.c.inspected_at.is_(None), ASSETS.c.inspected_at < CAMPAIGN_ITEMS.c.found_at),
            *active_asset_conditions(work),
            is_among(ASSETS.c.id, subjects),
        )
    )
    return [
        Detection(
            "asset", str(row.id), row.region, row.name, f"“{row.campaign}”盘亏, 之后没有找到, 也没有办理处置"
        )
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]


async def list_undistributed_income(work: UnitOfWork, days: int, subjects: Subjects) -> list[Detection]:
    """Villages and towns that hold income received more than `days` ago and approved no distribution within `days`."""
    since = work.today - timedelta(days=days)
    carried_out = sa.select(DISTRIBUTIONS.c.id).where(
        DISTRIBUTIONS.c.region == BALANCES.c.region,
        DISTRIBUTIONS.c.state.in_((DistributionState.APPROVED, DistributionState.CLOSED)),
        DISTRIBUTIONS.c.state_since >= work.at - timedelta(days=days),
    )
    old = sa.select(RECEIPTS.c.id).where(
        RECEIPTS.c.region == BALANCES.c.region, RECEIPTS.c.received_on < since
    )
    query = sa.select(BALANCES.c.region, BALANCES.c.amount).where(
        BALANCES.c.account == IncomeAccount.AVAILABLE,
        BALANCES.c.amount > 0,
        old.exists(),
        ~carried_out.exists(),
        work.actor.scope_filter(May.ASSET_READ, BALANCES.c.region),
        is_among(BALANCES.c.region, subjects),
    )
    return [
        Detection("region", row.region, row.region, f"资产收益 {format_yuan(int(row.amount))} 元没有分配",
            f"{since} 以前收到的收益还没有分配, 未分配余额 {format_yuan(int(row.amount))} 元",
            figures={"未分配": format_yuan(int(row.amount))})
        for row in await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))
    ]  # fmt: skip


def _registered_by_project(subjects: Subjects) -> Any:  # noqa: ANN401 - a subquery's columns
    return (
        sa.select(
            ASSETS.c.project_id,
            sa.cast(
                sa.func.coalesce(
                    sa.func.sum(ASSETS.c.original_value).filter(ASSETS.c.state.in_(COUNTED_STATES)), 0
                ),
                sa.BigInteger,
            ).label("value"),
            sa.func.count().filter(ASSETS.c.state.in_(COUNTED_STATES)).label("number"),
            sa.func.count().filter(ASSETS.c.state == AssetState.DRAFT).label("drafts"),
        )
        .where(ASSETS.c.project_id.is_not(None), is_among(ASSETS.c.project_id, subjects))
        .group_by(ASSETS.c.project_id)
        .subquery()
    )


async def list_contracts_of_assets(work: UnitOfWork, asset_ids: Collection[str]) -> list[UUID]:
    """Operating contracts of these assets."""
    query = sa.select(CONTRACTS.c.id).where(is_among(CONTRACTS.c.asset_id, asset_ids))
    return list((await execute_core(work.session, query)).scalars())


async def list_projects_of_assets(work: UnitOfWork, asset_ids: Collection[str]) -> list[UUID]:
    """Projects that built these assets."""
    query = sa.select(ASSETS.c.project_id).where(
        is_among(ASSETS.c.id, asset_ids), ASSETS.c.project_id.is_not(None)
    )
    return list((await execute_core(work.session, query.distinct())).scalars())


async def list_assets_reported_missing(work: UnitOfWork, campaign_ids: Collection[str]) -> list[UUID]:
    """Assets that these stock-takings reported missing, at most as many as one scan reads."""
    query = sa.select(CAMPAIGN_ITEMS.c.asset_id).where(
        is_among(CAMPAIGN_ITEMS.c.campaign_id, campaign_ids),
        CAMPAIGN_ITEMS.c.result == FindingResult.MISSING,
    )
    return list((await execute_core(work.session, query.limit(MAX_ROWS_PER_SCAN))).scalars())
