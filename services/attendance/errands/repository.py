"""Every query about errands that is not one record or one page."""

from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import overlaps_days
from shared.unit_of_work import UnitOfWork

DISCARDED_STATES = (ErrandState.REFUSED, ErrandState.WITHDRAWN)


async def find_overlapping_errand(
    work: UnitOfWork, person: str, first: date, last: date, but: UUID | None
) -> Errand | None:
    """An errand of the person, neither refused nor withdrawn, that touches these days."""
    query = select(Errand).where(
        Errand.person == person,
        col(Errand.state).not_in(DISCARDED_STATES),
        overlaps_days(Errand, first, last),
        visible_rows(work, Errand),
    )
    if but is not None:
        query = query.where(Errand.id != but)
    return (await work.session.exec(query.limit(1))).first()
