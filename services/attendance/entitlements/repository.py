"""Queries on entitlements."""

from sqlmodel import select

from services.attendance.entitlements.models import LeaveEntitlement
from services.attendance.policy import LeaveKind
from services.attendance.repository import visible_rows
from shared.unit_of_work import UnitOfWork


async def list_entitlements(work: UnitOfWork, person: str, year: int) -> dict[LeaveKind, LeaveEntitlement]:
    """Returns kind → the person's own entitlement of a year."""
    query = select(LeaveEntitlement).where(
        LeaveEntitlement.person == person, LeaveEntitlement.year == year, visible_rows(work, LeaveEntitlement)
    )
    return {entitlement.kind: entitlement for entitlement in await work.session.exec(query)}
