"""Queries that find what would be wrong with the books: running balances, sources, entries."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.repository import ACCOUNT, ENTRY, POSTING, scoped
from shared.db import run
from shared.permissions import May
from shared.work import Work


async def broken(work: Work) -> list[sa.Row[Any]]:
    """Accounts in the caller's regions whose running balance is not the sum of their postings: always none."""
    sign = sa.case((ACCOUNT.c.kind == AccountKind.RECEIVED, -1), else_=1)
    joined = ACCOUNT.outerjoin(POSTING, POSTING.c.account_id == ACCOUNT.c.id)
    total = sa.func.coalesce(sa.func.sum(POSTING.c.amount), 0) * sign
    query = (
        sa.select(
            ACCOUNT.c.id, ACCOUNT.c.kind, ACCOUNT.c.balance, sa.cast(total, sa.BigInteger).label("posted")
        )
        .select_from(joined)
        .where(*scoped(work, {}))
        .group_by(ACCOUNT.c.id, ACCOUNT.c.kind, ACCOUNT.c.balance)
        .having(total != ACCOUNT.c.balance)
    )
    return list(await run(work.session, query))


async def unbalanced(work: Work) -> list[UUID]:
    """Sources that break received = available + allocated in one query over the running balances: always none."""
    received = ACCOUNT.c.kind == AccountKind.RECEIVED
    gap = sa.func.sum(sa.case((received, -ACCOUNT.c.balance), else_=ACCOUNT.c.balance))
    query = (
        sa.select(ACCOUNT.c.source_id)
        .where(*scoped(work, {}))
        .group_by(ACCOUNT.c.source_id)
        .having(gap != 0, sa.func.count(sa.case((received, 1))) > 0)
    )
    return list((await run(work.session, query)).scalars())


async def lopsided(work: Work) -> int:
    """How many entries have debits that differ from credits: always none."""
    sums = (
        sa.select(POSTING.c.entry_id)
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(work.actor.where(May.FUND_READ, ENTRY.c.region))
        .group_by(POSTING.c.entry_id)
        .having(sa.func.sum(POSTING.c.amount) != 0)
    )
    return int(
        (await run(work.session, sa.select(sa.func.count()).select_from(sums.subquery()))).scalar_one()
    )
