"""Every query about complaints that is not a page."""

from datetime import date
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.repository import visible_rows
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


async def system_get_complaint(session: AsyncSession, complaint_id: UUID) -> Complaint:
    """A complaint by its number, which only who made it and who handles it know."""
    query = select(Complaint).where(Complaint.id == complaint_id, col(Complaint.day_id).is_(None))
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound("没有这条投诉", "No such complaint")
    return found


async def has_open_objection(work: UnitOfWork, day_id: UUID, but: UUID | None) -> bool:
    """Whether an objection to a day waits for its answer."""
    query = select(Complaint.id).where(
        Complaint.day_id == day_id, Complaint.state == ComplaintState.OPEN, visible_rows(work, Complaint)
    )
    if but is not None:
        query = query.where(Complaint.id != but)
    return (await work.session.exec(query.limit(1))).first() is not None


async def list_objections(work: UnitOfWork, person: str, first: date, last: date) -> list[Complaint]:
    """A person's objections to days, within what the caller sees, the newest first."""
    query = select(Complaint).where(
        Complaint.person == person,
        col(Complaint.work_date).between(first, last),
        visible_rows(work, Complaint),
    )
    return list(await work.session.exec(query.order_by(col(Complaint.created_at).desc()).limit(500)))
