"""Every query about income and its distribution."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.assets.distributions.models import IncomeBalance, IncomePosting, Payout
from services.assets.distributions.schemas import IncomeAccount, Purpose
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

BALANCES: sa.Table = IncomeBalance.__table__  # type: ignore[attr-defined]
POSTINGS: sa.Table = IncomePosting.__table__  # type: ignore[attr-defined]
PAYOUTS: sa.Table = Payout.__table__  # type: ignore[attr-defined]


async def system_update_balances(
    work: UnitOfWork, region: str, changes: Mapping[IncomeAccount, int]
) -> dict[IncomeAccount, int]:
    """Change balances in one order, so that writers never wait in a ring; the new balances."""
    postgres = work.session.get_bind().dialect.name == "postgresql"
    found: dict[IncomeAccount, int] = {}
    for account in sorted(changes):
        insert: Any = (postgresql.insert if postgres else sqlite.insert)(BALANCES)
        statement = insert.values(region=region, account=account, amount=changes[account])
        statement = statement.on_conflict_do_update(
            index_elements=["region", "account"], set_={"amount": BALANCES.c.amount + changes[account]}
        ).returning(BALANCES.c.amount)
        found[account] = int((await execute_core(work.session, statement)).scalar_one())
    return found


async def sum_balances(work: UnitOfWork, region: str) -> dict[IncomeAccount, int]:
    """The balances of every village and town of a region within the caller's, added up."""
    query = (
        sa.select(BALANCES.c.account, sa.cast(sa.func.sum(BALANCES.c.amount), sa.BigInteger).label("amount"))
        .where(
            BALANCES.c.region.between(*region_bounds(region)),
            work.actor.scope_filter(May.ASSET_READ, BALANCES.c.region),
        )
        .group_by(BALANCES.c.account)
    )
    found = {row.account: int(row.amount) for row in await execute_core(work.session, query)}
    return {account: found.get(account, 0) for account in IncomeAccount}


async def get_own_balance(work: UnitOfWork, region: str, account: IncomeAccount) -> int:
    """One account of exactly this village or town, locked until the transaction ends."""
    query = sa.select(BALANCES.c.amount).where(
        BALANCES.c.region == region,
        BALANCES.c.account == account,
        work.actor.scope_filter(May.ASSET_READ, BALANCES.c.region),
    )
    return int((await execute_core(work.session, query.with_for_update())).scalar() or 0)


async def sum_postings(work: UnitOfWork, region: str) -> dict[IncomeAccount, int]:
    """What the balances must be: the sums of all postings of a region."""
    query = (
        sa.select(POSTINGS.c.account, sa.cast(sa.func.sum(POSTINGS.c.amount), sa.BigInteger).label("amount"))
        .where(
            POSTINGS.c.region.between(*region_bounds(region)),
            work.actor.scope_filter(May.ASSET_READ, POSTINGS.c.region),
        )
        .group_by(POSTINGS.c.account)
    )
    found = {row.account: int(row.amount) for row in await execute_core(work.session, query)}
    return {account: found.get(account, 0) for account in IncomeAccount}


async def sum_payouts(work: UnitOfWork, distribution_id: UUID) -> tuple[dict[Purpose, int], int]:
    """(amount on the payout list per purpose, how many are not paid yet)."""
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
