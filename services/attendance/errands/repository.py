"""Queries on errands."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import overlaps_days
from shared.unit_of_work import UnitOfWork

DISCARDED_STATES = (ErrandState.REFUSED, ErrandState.WITHDRAWN)


async def find_overlapping_errand(
    work: UnitOfWork, person: str, first: date, last: date, except_id: UUID | None
) -> Errand | None:
    """Returns a visible errand of the person, neither refused nor withdrawn, that overlaps these days, or None."""
    query = select(Errand).where(
        Errand.person == person,
        col(Errand.state).not_in(DISCARDED_STATES),
        overlaps_days(Errand, first, last),
        sa.or_(col(Errand.returned_on).is_(None), col(Errand.returned_on) >= first),
        visible_rows(work, Errand),
    )
    if except_id is not None:
        query = query.where(Errand.id != except_id)
    return (await work.session.exec(query.limit(1))).first()
