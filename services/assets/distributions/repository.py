"""Every query about income and its distribution."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.assets.distributions.kinds import Account, Purpose
from services.assets.distributions.models import IncomeBalance, IncomePosting, Payout
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

BALANCES: sa.Table = IncomeBalance.__table__  # type: ignore[attr-defined]
POSTINGS: sa.Table = IncomePosting.__table__  # type: ignore[attr-defined]
PAYOUTS: sa.Table = Payout.__table__  # type: ignore[attr-defined]


async def system_add(work: Work, region: str, changes: Mapping[Account, int]) -> dict[Account, int]:
    """Change balances in one order, so that writers never wait in a ring; the new balances."""
    postgres = work.session.get_bind().dialect.name == "postgresql"
    found: dict[Account, int] = {}
    for account in sorted(changes):
        insert: Any = (postgresql.insert if postgres else sqlite.insert)(BALANCES)
        statement = insert.values(region=region, account=account, amount=changes[account])
        statement = statement.on_conflict_do_update(
            index_elements=["region", "account"], set_={"amount": BALANCES.c.amount + changes[account]}
        ).returning(BALANCES.c.amount)
        found[account] = int((await run(work.session, statement)).scalar_one())
    return found


async def balances(work: Work, region: str) -> dict[Account, int]:
    """The balances of every village and town of a region within the caller's, added up."""
    query = (
        sa.select(BALANCES.c.account, sa.cast(sa.func.sum(BALANCES.c.amount), sa.BigInteger).label("amount"))
        .where(BALANCES.c.region.between(*span(region)), work.actor.where(May.ASSET_READ, BALANCES.c.region))
        .group_by(BALANCES.c.account)
    )
    found = {row.account: int(row.amount) for row in await run(work.session, query)}
    return {account: found.get(account, 0) for account in Account}


async def own_balance(work: Work, region: str, account: Account) -> int:
    """One account of exactly this village or town, locked until the transaction ends."""
    query = sa.select(BALANCES.c.amount).where(
        BALANCES.c.region == region,
        BALANCES.c.account == account,
        work.actor.where(May.ASSET_READ, BALANCES.c.region),
    )
    return int((await run(work.session, query.with_for_update())).scalar() or 0)


async def posted(work: Work, region: str) -> dict[Account, int]:
    """What the balances must be: the sums of all postings of a region."""
    query = (
        sa.select(POSTINGS.c.account, sa.cast(sa.func.sum(POSTINGS.c.amount), sa.BigInteger).label("amount"))
        .where(POSTINGS.c.region.between(*span(region)), work.actor.where(May.ASSET_READ, POSTINGS.c.region))
        .group_by(POSTINGS.c.account)
    )
    found = {row.account: int(row.amount) for row in await run(work.session, query)}
    return {account: found.get(account, 0) for account in Account}


async def listed_amounts(work: Work, distribution_id: UUID) -> tuple[dict[Purpose, int], int]:
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
            work.actor.where(May.ASSET_READ, PAYOUTS.c.region),
        )
        .group_by(PAYOUTS.c.purpose)
    )
    rows = list(await run(work.session, query))
    return {row.purpose: int(row.amount) for row in rows}, sum(int(row.unpaid) for row in rows)
