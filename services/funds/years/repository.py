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
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]


async def find_closing(work: UnitOfWork, region: str, year: int) -> YearClosing | None:
    """The closing of a region's year that holds now, if the caller may see it."""
    query = select(YearClosing).where(
        YearClosing.region == region,
        YearClosing.year == year,
        col(YearClosing.reopened_at).is_(None),
        work.actor.scope_filter(May.FUND_READ, col(YearClosing.region)),
    )
    return (await work.session.exec(query)).first()


async def lock_accounts(work: UnitOfWork, region: str) -> None:
    """Nobody posts to what a region holds until the transaction ends."""
    query = (
        sa.select(ACCOUNT.c.id)
        .where(
            ACCOUNT.c.region.between(*region_bounds(region)),
            work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
        )
        .order_by(ACCOUNT.c.id)
        .with_for_update()
    )
    await execute_core(work.session, query)


async def list_closings(work: UnitOfWork, region: str, year: int | None = None) -> list[YearClosing]:
    """Every closing of a region (of a year), reopened ones too, oldest first."""
    query = select(YearClosing).where(
        YearClosing.region == region, work.actor.scope_filter(May.FUND_READ, col(YearClosing.region))
    )
    if year is not None:
        query = query.where(YearClosing.year == year)
    return list(await work.session.exec(query.order_by(col(YearClosing.year), col(YearClosing.round))))


async def list_reopenings(work: UnitOfWork, closing_ids: Sequence[UUID]) -> list[Reopening]:
    """What was asked for closings the caller was given, oldest first."""
    query = select(Reopening).where(col(Reopening.closing_id).in_(closing_ids)).order_by(col(Reopening.id))
    return list(await work.session.exec(query))


async def get_reopening(work: UnitOfWork, reopening_id: UUID) -> Reopening:
    """One asked reopening of the caller's regions, locked; NotFound otherwise."""
    query = select(Reopening).where(
        Reopening.id == reopening_id, work.actor.scope_filter(May.FUND_READ, col(Reopening.region))
    )
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound(f"没有这份重开申请: {reopening_id}", f"No reopening {reopening_id}")
    return found


async def close_accounts(work: UnitOfWork, region: str, year: int) -> None:
    """Accounts of a region, locked already, take no entries of a year or before any more."""
    statement = (
        sa.update(ACCOUNT)
        .where(
            ACCOUNT.c.region.between(*region_bounds(region)),
            ACCOUNT.c.closed_year < year,
            work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
        )
        .values(closed_year=year)
    )
    await execute_core(work.session, statement)


async def reopen_accounts(work: UnitOfWork, region: str, year: int) -> None:
    """Accounts of a region that a year's closing held, locked already, are closed as far as other closings say."""
    held = (
        ACCOUNT.c.region.between(*region_bounds(region)),
        ACCOUNT.c.closed_year == year,
        work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
    )
    regions = (
        await execute_core(work.session, sa.select(ACCOUNT.c.region).where(*held).distinct())
    ).scalars()
    for one in list(regions):
        still = await system_get_closed_year(work, one)
        kept = sa.update(ACCOUNT).where(*held, ACCOUNT.c.region == one)
        await execute_core(work.session, kept.values(closed_year=still))


async def list_sources(work: UnitOfWork, region: str, until: date) -> list[Source]:
    """Documents of a region received by a day, oldest first."""
    query = select(Source).where(
        col(Source.region).between(*region_bounds(region)),
        Source.received_on <= until,
        work.actor.scope_filter(May.FUND_READ, col(Source.region)),
    )
    return list(await work.session.exec(query.order_by(col(Source.fiscal_year), col(Source.id))))


async def get_carry_overs(work: UnitOfWork, closing_id: UUID) -> dict[UUID, CarryOver]:
    """What a closing the caller was given kept, by source."""
    rows = await work.session.exec(select(CarryOver).where(CarryOver.closing_id == closing_id))
    return {row.source_id: row for row in rows}


async def insert_carry_overs(work: UnitOfWork, rows: Sequence[CarryOver]) -> None:
    """Keep what a closing found."""
    work.session.add_all(rows)
    await work.session.flush()


async def list_land_source_ids(work: UnitOfWork, region: str, year: int) -> list[UUID]:
    """Documents of a region's year that are land revenue."""
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
    """What was taken in, if it was registered and the caller may see it."""
    query: Any = select(LandRevenue).where(
        LandRevenue.region == region,
        LandRevenue.year == year,
        work.actor.scope_filter(May.FUND_READ, col(LandRevenue.region)),
    )
    found: LandRevenue | None = (await work.session.exec(query.with_for_update() if lock else query)).first()
    return found
