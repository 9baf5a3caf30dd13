"""Queries of the income book and payout lists."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from services.assets.contracts.models import Receipt
from services.assets.distributions.lifecycle import DistributionState
from services.assets.distributions.models import Distribution, IncomeBalance, IncomePosting, Payout
from services.assets.distributions.schemas import IncomeAccount, IncomePurpose
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

BALANCES: sa.Table = IncomeBalance.__table__  # type: ignore[attr-defined]
POSTINGS: sa.Table = IncomePosting.__table__  # type: ignore[attr-defined]
RECEIPTS: sa.Table = Receipt.__table__  # type: ignore[attr-defined]
PLANS: sa.Table = Distribution.__table__  # type: ignore[attr-defined]
HOLDING_STATES = (DistributionState.DECIDED, DistributionState.APPROVED, DistributionState.CLOSED)
"""States in which a plan's total is spoken for; a decided one is not in the income book yet."""
PAYOUTS: sa.Table = Payout.__table__  # type: ignore[attr-defined]


async def system_update_balances(
    work: UnitOfWork, region: str, changes: Mapping[IncomeAccount, int]
) -> dict[IncomeAccount, int]:
    """Add changes (分) to balances and return the new ones. Accounts are locked in sorted order, so that writers cannot deadlock."""
    postgres = work.session.get_bind().dialect.name == "postgresql"
    balances: dict[IncomeAccount, int] = {}
    for account in sorted(changes):
        insert: Any = (postgresql.insert if postgres else sqlite.insert)(BALANCES)
        statement = insert.values(region=region, account=account, amount=changes[account])
        statement = statement.on_conflict_do_update(
            index_elements=["region", "account"], set_={"amount": BALANCES.c.amount + changes[account]}
        ).returning(BALANCES.c.amount)
        balances[account] = int((await execute_core(work.session, statement)).scalar_one())
    return balances


async def system_list_later_changes(
    work: UnitOfWork, region: str, account: IncomeAccount, after: date
) -> list[tuple[date, int]]:
    """(day, sum of its postings in 分) of one account of exactly this village or town, for each day after a day."""
    query = (
        sa.select(
            POSTINGS.c.happened_on, sa.cast(sa.func.sum(POSTINGS.c.amount), sa.BigInteger).label("amount")
        )
        .where(POSTINGS.c.region == region, POSTINGS.c.account == account, POSTINGS.c.happened_on > after)
        .group_by(POSTINGS.c.happened_on)
        .order_by(POSTINGS.c.happened_on)
    )
    return [(row.happened_on, int(row.amount)) for row in await execute_core(work.session, query)]


async def sum_balances(work: UnitOfWork, region: str) -> dict[IncomeAccount, int]:
    """Balances per account in 分, summed over the villages and towns of a region that the caller may see."""
    return await _sum_by_account(work, BALANCES, region)


async def sum_postings(work: UnitOfWork, region: str) -> dict[IncomeAccount, int]:
    """Postings per account in 分, summed as `sum_balances` does; both must be equal."""
    return await _sum_by_account(work, POSTINGS, region)


async def get_own_balance(
    work: UnitOfWork, region: str, account: IncomeAccount, *, lock: bool = False
) -> int:
    """Balance of one account of exactly this village or town in 分; with `lock` it is locked until the transaction ends."""
    query = sa.select(BALANCES.c.amount).where(
        BALANCES.c.region == region,
        BALANCES.c.account == account,
        work.actor.scope_filter(May.ASSET_READ, BALANCES.c.region),
    )
    query = query.with_for_update() if lock else query
    return int((await execute_core(work.session, query)).scalar() or 0)


@dataclass(frozen=True)
class OwnerSum:
    """Receipts (`state` None) or plans in a state of one owner, in 分."""

    owner_name: str
    state: DistributionState | None
    amount: int


async def sum_by_owner(work: UnitOfWork, region: str, excluded: UUID) -> list[OwnerSum]:
    """Receipts, net of reversals, and other plans that hold money of exactly this village or town, by owner."""
    receipts = (
        sa.select(
            RECEIPTS.c.owner_name,
            sa.null().label("state"),
            sa.cast(sa.func.sum(RECEIPTS.c.amount), sa.BigInteger).label("amount"),
        )
        .where(RECEIPTS.c.region == region, work.actor.scope_filter(May.ASSET_READ, RECEIPTS.c.region))
        .group_by(RECEIPTS.c.owner_name)
    )
    plans = (
        sa.select(
            PLANS.c.owner_name,
            sa.cast(PLANS.c.state, sa.String).label("state"),
            sa.cast(sa.func.sum(PLANS.c.total), sa.BigInteger).label("amount"),
        )
        .where(
            PLANS.c.region == region,
            PLANS.c.id != excluded,
            PLANS.c.state.in_(HOLDING_STATES),
            work.actor.scope_filter(May.ASSET_READ, PLANS.c.region),
        )
        .group_by(PLANS.c.owner_name, PLANS.c.state)
    )
    rows = await execute_core(work.session, sa.union_all(plans, receipts))
    return [
        OwnerSum(row.owner_name, DistributionState(row.state) if row.state else None, int(row.amount))
        for row in rows
    ]


async def sum_payouts(work: UnitOfWork, distribution_id: UUID) -> tuple[dict[IncomePurpose, int], int]:
    """(listed amount in 分 per purpose, number of unpaid payouts), without withdrawn ones."""
    query = (
        sa.select(
            PAYOUTS.c.purpose,
            sa.cast(sa.func.sum(PAYOUTS.c.amount), sa.BigInteger).label("amount"),
            sa.func.count().filter(col(Payout.paid_on).is_(None)).label("unpaid"),
        )
        .where(
            PAYOUTS.c.distribution_id == distribution_id,
            PAYOUTS.c.withdrawn == "",
            work.actor.scope_filter(May.ASSET_READ, PAYOUTS.c.region),
        )
        .group_by(PAYOUTS.c.purpose)
    )
    rows = list(await execute_core(work.session, query))
    return {row.purpose: int(row.amount) for row in rows}, sum(int(row.unpaid) for row in rows)


async def list_payouts_to(work: UnitOfWork, distribution_id: UUID, masked: Collection[str]) -> list[Payout]:
    """Payouts of a plan, not withdrawn, to accounts that look like these when masked."""
    query = select(Payout).where(
        Payout.distribution_id == distribution_id,
        Payout.withdrawn == "",
        col(Payout.account_masked).in_(masked),
        work.actor.scope_filter(May.ASSET_READ, col(Payout.region)),
    )
    return list(await work.session.exec(query)) if masked else []


async def _sum_by_account(work: UnitOfWork, table: sa.Table, region: str) -> dict[IncomeAccount, int]:
    query = (
        sa.select(table.c.account, sa.cast(sa.func.sum(table.c.amount), sa.BigInteger).label("amount"))
        .where(
            work.within_region(table.c.region, region),
            work.actor.scope_filter(May.ASSET_READ, table.c.region),
        )
        .group_by(table.c.account)
    )
    amounts = {row.account: int(row.amount) for row in await execute_core(work.session, query)}
    return {account: amounts.get(account, 0) for account in IncomeAccount}
