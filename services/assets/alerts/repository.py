"""What the rules look for, one query each, over the caller's regions."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receivable
from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import COUNTED, AssetState, UseState
from services.assets.register.models import Asset, ProjectCard
from shared.alerts.hits import MOST, Hit
from shared.db import run
from shared.money import yuan
from shared.permissions import May
from shared.work import Work

ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
CONTRACTS: sa.Table = OperatingContract.__table__  # type: ignore[attr-defined]
DUE: sa.Table = Receivable.__table__  # type: ignore[attr-defined]
CARDS: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]


def present(work: Work) -> list[sa.ColumnElement[bool]]:
    """Assets that are on the register, not disposed of, and in the caller's regions."""
    return [
        ASSETS.c.state.in_(COUNTED),
        ASSETS.c.use != UseState.DISPOSED,
        work.actor.where(May.ASSET_READ, ASSETS.c.region),
    ]


async def expiring(work: Work, days: int) -> list[Hit]:
    """Contracts that run out within some days, or ran out and were not ended."""
    until = work.today + timedelta(days=days)
    query = sa.select(CONTRACTS, ASSETS.c.name).join(ASSETS, ASSETS.c.id == CONTRACTS.c.asset_id)
    query = query.where(
        CONTRACTS.c.state == ContractState.ACTIVE, CONTRACTS.c.ends_on <= until, *present(work)
    )
    return [
        Hit("contract", str(row.id), row.region, row.name, f"经营合同 {row.number} 于 {row.ends_on} 到期", asset_id=row.asset_id,
            figures={"到期日": str(row.ends_on)})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


async def gone_operators(work: Work) -> list[Hit]:
    """Contracts in force with an operator that is deregistered or gone."""
    query = sa.select(CONTRACTS, ASSETS.c.name).join(ASSETS, ASSETS.c.id == CONTRACTS.c.asset_id)
    query = query.where(
        CONTRACTS.c.state == ContractState.ACTIVE, CONTRACTS.c.operator_gone.is_(True), *present(work)
    )
    return [
        Hit(
            "contract",
            str(row.id),
            row.region,
            row.name,
            f"经营主体 {row.operator} 已注销或失联",
            asset_id=row.asset_id,
        )
        for row in await run(work.session, query.limit(MOST))
    ]


async def unpaid(work: Work, days: int) -> list[Hit]:
    """Receivables some days past due and not settled, one finding per contract."""
    owed = sa.cast(sa.func.sum(DUE.c.amount - DUE.c.received), sa.BigInteger).label("owed")
    query = (
        sa.select(
            DUE.c.contract_id, DUE.c.asset_id, ASSETS.c.region, ASSETS.c.name, owed,
            sa.func.min(DUE.c.due_on).label("since"), sa.func.count().label("number"),
        )
        .join(ASSETS, ASSETS.c.id == DUE.c.asset_id)
        .where(
            DUE.c.open.is_(True), DUE.c.due_on < work.today - timedelta(days=days),
            work.actor.where(May.ASSET_READ, DUE.c.region),
        )
        .group_by(DUE.c.contract_id, DUE.c.asset_id, ASSETS.c.region, ASSETS.c.name)
    )  # fmt: skip
    return [
        Hit("contract", str(row.contract_id), row.region, row.name,
            f"租金(收益)欠收 {yuan(int(row.owed))} 元, 最早应于 {row.since} 收取", asset_id=row.asset_id,
            figures={"欠收": yuan(int(row.owed)), "笔数": str(row.number)})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


async def without_contract(work: Work, days: int) -> list[Hit]:
    """Operating assets that no contract covers and whose last one ended, or which were registered, some days ago."""
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
        *present(work),
    )
    return [
        Hit(
            "asset",
            str(row.id),
            row.region,
            row.name,
            f"经营性资产超过 {days} 天没有经营合同, 疑似闲置",
            asset_id=row.id,
        )
        for row in await run(work.session, query.limit(MOST))
    ]


async def not_inspected(work: Work) -> list[Hit]:
    """Assets whose next inspection is overdue."""
    query = sa.select(
        ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.inspect_due_on, ASSETS.c.keeper_name
    )
    query = query.where(ASSETS.c.inspect_due_on < work.today, *present(work))
    return [
        Hit("asset", str(row.id), row.region, row.name, f"应于 {row.inspect_due_on} 前巡查, 没有记录", asset_id=row.id,
            figures={"管护责任人": row.keeper_name})
        for row in await run(work.session, query.order_by(ASSETS.c.inspect_due_on).limit(MOST))
    ]  # fmt: skip


async def idle(work: Work) -> list[Hit]:
    """Assets that are idle, low-yield or damaged past the deadline they were given."""
    query = sa.select(
        ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.use, ASSETS.c.use_deadline, ASSETS.c.use_person
    )
    query = query.where(ASSETS.c.use_deadline < work.today, ASSETS.c.use != UseState.IN_USE, *present(work))
    return [
        Hit("asset", str(row.id), row.region, row.name, f"资产{row.use.label}, 整改期限 {row.use_deadline} 已过", asset_id=row.id,
            figures={"责任人": row.use_person})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


def _registered() -> Any:  # noqa: ANN401 - a subquery's columns
    return (
        sa.select(
            ASSETS.c.project_id,
            sa.cast(
                sa.func.coalesce(sa.func.sum(ASSETS.c.original_value).filter(ASSETS.c.state.in_(COUNTED)), 0),
                sa.BigInteger,
            ).label("value"),
            sa.func.count().filter(ASSETS.c.state.in_(COUNTED)).label("number"),
            sa.func.count().filter(ASSETS.c.state == AssetState.DRAFT).label("drafts"),
        )
        .where(ASSETS.c.project_id.is_not(None))
        .group_by(ASSETS.c.project_id)
        .subquery()
    )


async def projects_without_assets(work: Work, days: int) -> list[Hit]:
    """Projects accepted some days ago of which nothing is registered."""
    known = _registered()
    query = (
        sa.select(CARDS)
        .join(known, known.c.project_id == CARDS.c.id, isouter=True)
        .where(
            CARDS.c.accepted_on < work.today - timedelta(days=days),
            sa.func.coalesce(known.c.number, 0) == 0,
            work.actor.where(May.ASSET_READ, CARDS.c.region),
        )
    )
    return [
        Hit("project", str(row.id), row.region, row.name, f"项目 {row.accepted_on} 验收, 结算 {yuan(int(row.settled))} 元, 还没有登记资产",
            project_id=row.id, figures={"结算": yuan(int(row.settled))})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


async def value_differs(work: Work) -> list[Hit]:
    """Projects whose assets are all registered and add up to another amount than was settled."""
    known = _registered()
    query = (
        sa.select(CARDS, known.c.value)
        .join(known, known.c.project_id == CARDS.c.id)
        .where(
            CARDS.c.accepted_on.is_not(None),
            known.c.number > 0,
            known.c.drafts == 0,
            known.c.value != CARDS.c.settled,
            work.actor.where(May.ASSET_READ, CARDS.c.region),
        )
    )
    return [
        Hit("project", str(row.id), row.region, row.name,
            f"结算 {yuan(int(row.settled))} 元, 登记原值 {yuan(int(row.value))} 元, 相差 {yuan(int(row.value - row.settled))} 元",
            project_id=row.id,
            figures={"结算": yuan(int(row.settled)), "登记原值": yuan(int(row.value)),
                     "相差": yuan(int(row.value - row.settled))})
        for row in await run(work.session, query.limit(MOST))
    ]  # fmt: skip


async def without_project(work: Work, first_year: int) -> list[Hit]:
    """Assets built since a year that name no project."""
    query = sa.select(ASSETS.c.id, ASSETS.c.region, ASSETS.c.name, ASSETS.c.year).where(
        ASSETS.c.project_id.is_(None),
        ASSETS.c.project_name == "",
        ASSETS.c.year >= first_year,
        *present(work),
    )
    return [
        Hit(
            "asset",
            str(row.id),
            row.region,
            row.name,
            f"{row.year} 年形成的资产没有写明形成项目",
            asset_id=row.id,
        )
        for row in await run(work.session, query.limit(MOST))
    ]
