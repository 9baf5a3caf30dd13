"""Every query about closings, carried money and land revenue."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.ledger.models import LedgerAccount, YearClosing
from services.funds.sources.kinds import Fund
from services.funds.sources.models import Source
from services.funds.years.models import CarryOver, LandRevenue
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]


async def closing(work: Work, region: str, year: int) -> YearClosing | None:
    """The closing of a region's year, if the caller may see it."""
    query = select(YearClosing).where(
        YearClosing.region == region,
        YearClosing.year == year,
        work.actor.where(May.FUND_READ, col(YearClosing.region)),
    )
    return (await work.session.exec(query)).first()


async def lock_accounts(work: Work, region: str) -> None:
    """Nobody posts to what a region holds until the transaction ends."""
    query = (
        sa.select(ACCOUNT.c.id)
        .where(
            ACCOUNT.c.region.between(*span(region)),
            work.actor.where(May.FUND_READ, ACCOUNT.c.region),
        )
        .order_by(ACCOUNT.c.id)
        .with_for_update()
    )
    await run(work.session, query)


async def sources(work: Work, region: str, until: date) -> list[Source]:
    """Documents of a region received by a day, oldest first."""
    query = select(Source).where(
        col(Source.region).between(*span(region)),
        Source.received_on <= until,
        work.actor.where(May.FUND_READ, col(Source.region)),
    )
    return list(await work.session.exec(query.order_by(col(Source.fiscal_year), col(Source.id))))


async def frozen(work: Work, closing_id: UUID) -> dict[UUID, CarryOver]:
    """What a closing the caller was given kept, by source."""
    rows = await work.session.exec(select(CarryOver).where(CarryOver.closing_id == closing_id))
    return {row.source_id: row for row in rows}


async def keep(work: Work, rows: Sequence[CarryOver]) -> None:
    """Keep what a closing found."""
    work.session.add_all(rows)
    await work.session.flush()


async def land_sources(work: Work, region: str, year: int) -> list[UUID]:
    """Documents of a region's year that are land revenue."""
    query = select(Source.id).where(
        Source.region == region,
        Source.fiscal_year == year,
        Source.fund == Fund.LAND,
        work.actor.where(May.FUND_READ, col(Source.region)),
    )
    return list(await work.session.exec(query.order_by(col(Source.id))))


async def land_revenue(work: Work, region: str, year: int, *, lock: bool = False) -> LandRevenue | None:
    """What was taken in, if it was registered and the caller may see it."""
    query: Any = select(LandRevenue).where(
        LandRevenue.region == region,
        LandRevenue.year == year,
        work.actor.where(May.FUND_READ, col(LandRevenue.region)),
    )
    found: LandRevenue | None = (await work.session.exec(query.with_for_update() if lock else query)).first()
    return found
