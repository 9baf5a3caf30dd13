"""Queries on visits and follow-ups."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import get_columns
from services.attendance.visits.models import Deed, Visit, VisitFollowUp
from services.attendance.visits.schemas import DeedCreate
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork


async def list_follow_ups(work: UnitOfWork, visit: Visit) -> list[VisitFollowUp]:
    """Returns the follow-ups of a visit that the caller already sees."""
    query = select(VisitFollowUp).where(VisitFollowUp.visit_id == visit.id).order_by(col(VisitFollowUp.id))
    return list(await work.session.exec(query.limit(100)))


async def has_same_deed(work: UnitOfWork, person: str, body: DeedCreate) -> bool:
    """True if the person recorded a deed of the same day, kind and content under another id."""
    query = select(Deed.id).where(
        Deed.person == person,
        Deed.happened_on == body.happened_on,
        Deed.kind == body.kind,
        Deed.content == body.content,
        visible_rows(work, Deed),
    )
    if body.id is not None:
        query = query.where(Deed.id != body.id)
    return (await work.session.exec(query.limit(1))).first() is not None


async def list_person_deeds(work: UnitOfWork, person: str, first: date, last: date) -> Sequence[Deed]:
    """Returns the deeds of a person of these days that the caller may import."""
    query = select(Deed).where(
        Deed.person == person,
        col(Deed.happened_on).between(first, last),
        visible_rows(work, Deed, May.PRESENCE_IMPORT),
    )
    return (await work.session.exec(query)).all()


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
