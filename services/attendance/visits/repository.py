"""Queries on visits and follow-ups."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.sql_conditions import get_columns
from services.attendance.visits.models import Visit, VisitFollowUp
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def list_follow_ups(work: UnitOfWork, visit: Visit) -> list[VisitFollowUp]:
    """Returns the follow-ups of a visit that the caller already sees."""
    query = select(VisitFollowUp).where(VisitFollowUp.visit_id == visit.id).order_by(col(VisitFollowUp.id))
    return list(await work.session.exec(query.limit(100)))


async def system_coarsen_visits(
    session: AsyncSession, region: tuple[str, str], before: date, limit: int
) -> int:
    """Rounds positions of visits before a day to two decimals (about 1 km); returns the row count."""
    row = get_columns(Visit)
    row_ids = (
        sa.select(row.id)
        .where(
            row.region.between(*region),
            row.visited_on < before,
            row.coarse.is_(False),
            row.lon.is_not(None),
        )
        .limit(limit)
    )
    values: dict[str, Any] = {
        "lon": sa.func.round(sa.cast(row.lon, sa.Numeric), 2),
        "lat": sa.func.round(sa.cast(row.lat, sa.Numeric), 2),
        "place": {},
        "coarse": True,
    }
    table: Any = Visit.__table__  # type: ignore[attr-defined]
    result = await execute_core(session, sa.update(table).where(row.id.in_(row_ids)).values(**values))
    return int(result.rowcount)
