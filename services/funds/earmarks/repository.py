"""Queries of earmarked amounts."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.earmarks.models import Earmark
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
ALLOCATED_KINDS = (AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)
TOWN_DIGITS = 9
MAX_EARMARKS = 20_000
ORDERS = {"year": col(Earmark.year), "total": col(Earmark.total)}


async def get_earmark(work: UnitOfWork, earmark_id: UUID, *, lock: bool = False) -> Earmark:
    """Get an earmarked amount of the caller's regions; NotFound otherwise."""
    query = select(Earmark).where(
        Earmark.id == earmark_id, work.actor.scope_filter(May.FUND_READ, col(Earmark.region))
    )
    earmark = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if earmark is None:
        raise NotFound(f"没有这项切块额度: {earmark_id}", f"No earmarked amount {earmark_id}")
    return earmark


async def find_earmark(work: UnitOfWork, region: str, year: int, title: str, unit: str) -> Earmark | None:
    """Find what a table gave to a unit, within the caller's regions."""
    query = select(Earmark).where(
        Earmark.region == region,
        Earmark.year == year,
        Earmark.title == title,
        Earmark.unit == unit,
        work.actor.scope_filter(May.FUND_READ, col(Earmark.region)),
    )
    return (await work.session.exec(query)).first()


async def list_earmarks(
    work: UnitOfWork, params: PageParams, *, region: str | None, year: int | None, title: str | None
) -> Page[Earmark]:
    """List a page of earmarked amounts of the caller's regions."""
    query = select(Earmark).where(work.actor.scope_filter(May.FUND_READ, col(Earmark.region)))
    if region:
        query = query.where(work.within_region(col(Earmark.region), region))
    if year is not None:
        query = query.where(Earmark.year == year)
    if title:
        query = query.where(Earmark.title == title)
    return await list_page(work.session, query, params, orders=ORDERS, key=col(Earmark.id), default="-year")


async def list_year_earmarks(work: UnitOfWork, region: str, year: int) -> list[Earmark]:
    """List what was earmarked in a region's year, within the caller's regions, in the order of entry; at most MAX_EARMARKS and one."""
    query = select(Earmark).where(
        Earmark.year == year,
        work.within_region(col(Earmark.region), region),
        work.actor.scope_filter(May.FUND_READ, col(Earmark.region)),
    )
    return list(await work.session.exec(query.order_by(col(Earmark.id)).limit(MAX_EARMARKS + 1)))


async def sum_allocated_by_town(work: UnitOfWork, region: str, year: int) -> dict[str, int]:
    """Money of a year allocated to projects, in 分 by the first nine digits of their region of today, within the caller's regions."""
    town = work.context.mergers.current_head(ALLOCATION.c.region, TOWN_DIGITS, region)
    query = (
        sa.select(town.label("town"), sa.cast(sa.func.sum(ACCOUNT.c.balance), sa.BigInteger).label("amount"))
        .select_from(ACCOUNT.join(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id))
        .where(
            ACCOUNT.c.kind.in_(ALLOCATED_KINDS),
            ACCOUNT.c.year == year,
            work.within_region(ALLOCATION.c.region, region),
            work.actor.scope_filter(May.FUND_READ, ALLOCATION.c.region),
        )
        .group_by(town)
    )
    return {row.town: row.amount for row in await execute_core(work.session, query)}
