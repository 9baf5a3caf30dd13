"""Every query about complaints that is not a page."""

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.complaints.models import Complaint
from shared.errors import NotFound


async def system_get(session: AsyncSession, complaint_id: UUID) -> Complaint:
    """A complaint by its number, which only who made it and who handles it know."""
    found = (await session.exec(select(Complaint).where(Complaint.id == complaint_id))).first()
    if found is None:
        raise NotFound("没有这条投诉", "No such complaint")
    return found
