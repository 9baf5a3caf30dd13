"""Every query about visits that is not one record or one page."""

from sqlmodel import col, select

from services.attendance.visits.models import FollowUp, Visit
from shared.work import Work


async def follow_ups(work: Work, visit: Visit) -> list[FollowUp]:
    """What a visit the caller was given already left to be done."""
    query = select(FollowUp).where(FollowUp.visit_id == visit.id).order_by(col(FollowUp.id))
    return list(await work.session.exec(query.limit(100)))
