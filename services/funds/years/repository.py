"""Queries of closings, reopenings, carry-overs and land revenue."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.ledger.models import LedgerAccount, YearClosing
from services.funds.ledger.repository import system_get_closed_year
from services.funds.sources.models import Source
from services.funds.sources.schemas import Fund
from services.funds.years.models import CarryOver, LandRevenue, Reopening
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]


async def find_closing(work: UnitOfWork, region: str, year: int) -> YearClosing | None:
    """Find the closing of a region's year that is in force, within the caller's regions."""
    query = select(YearClosing).where(
        YearClosing.region == region,
        YearClosing.year == year,
        col(YearClosing.reopened_at).is_(None),
        work.actor.scope_filter(May.FUND_READ, col(YearClosing.region)),
    )
    return (await work.session.exec(query)).first()


async def lock_accounts(work: UnitOfWork, region: str) -> None:
    """Lock the accounts of a region against postings until the transaction ends."""
    query = (
        sa.select(ACCOUNT.c.id)
        .where(
            work.within_region(ACCOUNT.c.region, region),
            work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
        )
        .order_by(ACCOUNT.c.id)
        .with_for_update()
    )
    await execute_core(work.session, query)


async def list_closings(work: UnitOfWork, region: str, year: int | None = None) -> list[YearClosing]:
    """List the closings of a region (and year), also reopened ones, oldest first."""
    query = select(YearClosing).where(
        YearClosing.region == region, work.actor.scope_filter(May.FUND_READ, col(YearClosing.region))
    )
    if year is not None:
        query = query.where(YearClosing.year == year)
    return list(await work.session.exec(query.order_by(col(YearClosing.year), col(YearClosing.round))))


async def list_reopenings(work: UnitOfWork, closing_ids: Sequence[UUID]) -> list[Reopening]:
    """List the reopenings of closings, oldest first. Not scoped: the caller has access to the closings."""
    query = select(Reopening).where(col(Reopening.closing_id).in_(closing_ids)).order_by(col(Reopening.id))
    return list(await work.session.exec(query))


async def get_reopening(work: UnitOfWork, reopening_id: UUID) -> Reopening:
    """Get and lock a reopening of the caller's regions; NotFound otherwise."""
    query = select(Reopening).where(
        Reopening.id == reopening_id, work.actor.scope_filter(May.FUND_READ, col(Reopening.region))
    )
    reopening = (await work.session.exec(query.with_for_update())).first()
    if reopening is None:
        raise NotFound(f"没有这份重开申请: {reopening_id}", f"No reopening {reopening_id}")
    return reopening


async def close_accounts(work: UnitOfWork, region: str, year: int) -> None:
    """Close the locked accounts of a region for a year and all years before."""
    statement = (
        sa.update(ACCOUNT)
        .where(
            work.within_region(ACCOUNT.c.region, region),
            ACCOUNT.c.closed_year < year,
            work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
        )
        .values(closed_year=year)
    )
    await execute_core(work.session, statement)


async def reopen_accounts(work: UnitOfWork, region: str, year: int) -> None:
    """Set the accounts closed by a year's closing back to the last year that is still closed. They are locked already."""
    conditions = (
        work.within_region(ACCOUNT.c.region, region),
        ACCOUNT.c.closed_year == year,
        work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
    )
    regions = (
        await execute_core(work.session, sa.select(ACCOUNT.c.region).where(*conditions).distinct())
    ).scalars()
    for account_region in list(regions):
        closed_year = await system_get_closed_year(work, account_region)
        statement = sa.update(ACCOUNT).where(*conditions, ACCOUNT.c.region == account_region)
        await execute_core(work.session, statement.values(closed_year=closed_year))


async def list_sources(work: UnitOfWork, region: str, until: date) -> list[Source]:
    """List the documents of a region received up to a day, oldest first."""
    query = select(Source).where(
        work.within_region(col(Source.region), region),
        Source.received_on <= until,
        work.actor.scope_filter(May.FUND_READ, col(Source.region)),
    )
    return list(await work.session.exec(query.order_by(col(Source.fiscal_year), col(Source.id))))


async def get_carry_overs(work: UnitOfWork, closing_id: UUID) -> dict[UUID, CarryOver]:
    """Carry-overs of a closing by source id. Not scoped: the caller has access to the closing."""
    rows = await work.session.exec(select(CarryOver).where(CarryOver.closing_id == closing_id))
    return {row.source_id: row for row in rows}


async def insert_carry_overs(work: UnitOfWork, rows: Sequence[CarryOver]) -> None:
    """Insert the carry-overs of a closing."""
    work.session.add_all(rows)
    await work.session.flush()


async def list_land_source_ids(work: UnitOfWork, region: str, year: int) -> list[UUID]:
    """Ids of a region's land revenue documents of a year."""
    query = select(Source.id).where(
        Source.region == region,
        Source.fiscal_year == year,
        Source.fund == Fund.LAND,
        work.actor.scope_filter(May.FUND_READ, col(Source.region)),
    )
    return list(await work.session.exec(query.order_by(col(Source.id))))


async def find_land_revenue(
    work: UnitOfWork, region: str, year: int, *, lock: bool = False
) -> LandRevenue | None:
    """Find the land revenue of a region and year, within the caller's regions."""
    query: Any = select(LandRevenue).where(
        LandRevenue.region == region,
        LandRevenue.year == year,
        work.actor.scope_filter(May.FUND_READ, col(LandRevenue.region)),
    )
    land_revenue: LandRevenue | None = (
        await work.session.exec(query.with_for_update() if lock else query)
    ).first()
    return land_revenue
