"""Every query about duty shifts that is not one record or one page."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from services.attendance.duties.kinds import DutyState
from services.attendance.duties.models import Duty
from services.attendance.repository import seen
from shared.work import Work


async def clashing(
    work: Work, person: str, starts_at: datetime, ends_at: datetime, but: UUID | None
) -> Duty | None:
    """A shift of the person, not cancelled, that overlaps a time."""
    query = select(Duty).where(
        Duty.person == person,
        Duty.state != DutyState.CANCELLED,
        col(Duty.starts_at) < ends_at,
        col(Duty.ends_at) > starts_at,
        seen(work, Duty),
    )
    if but is not None:
        query = query.where(Duty.id != but)
    return (await work.session.exec(query.limit(1))).first()
