"""Every query about visits that is not one record or one page."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.sql_conditions import get_columns
from services.attendance.visits.models import FollowUp, Visit
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def list_follow_ups(work: UnitOfWork, visit: Visit) -> list[FollowUp]:
    """What a visit the caller was given already left to be done."""
    query = select(FollowUp).where(FollowUp.visit_id == visit.id).order_by(col(FollowUp.id))
    return list(await work.session.exec(query.limit(100)))


async def system_coarsen_visits(
    session: AsyncSession, region: tuple[str, str], before: date, limit: int
) -> int:
    """Take the detail away from where visits of a span of regions were made before a day; how many rows."""
    row = get_columns(Visit)
    old = (
        sa.select(row.id)
        .where(
            row.region.between(*region),
            row.visited_on < before,
            row.coarse.is_(False),
            row.lon.is_not(None),
        )
        .limit(limit)
    )
    coarser: dict[str, Any] = {
        "lon": sa.func.round(sa.cast(row.lon, sa.Numeric), 2),
        "lat": sa.func.round(sa.cast(row.lat, sa.Numeric), 2),
        "place": {},
        "coarse": True,
    }
    table: Any = Visit.__table__  # type: ignore[attr-defined]
    done = await execute_core(session, sa.update(table).where(row.id.in_(old)).values(**coarser))
    return int(done.rowcount)
