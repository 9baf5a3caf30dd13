"""Every query about visits that is not one record or one page."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.visits.models import FollowUp, Visit
from shared.work import Work


async def follow_ups(work: Work, visit: Visit) -> list[FollowUp]:
    """What a visit the caller was given already left to be done."""
    query = select(FollowUp).where(FollowUp.visit_id == visit.id).order_by(col(FollowUp.id))
    return list(await work.session.exec(query.limit(100)))


def between(first: date | None, last: date | None) -> list[sa.ColumnElement[bool]]:
    """Visits of these days."""
    found = []
    if first is not None:
        found.append(col(Visit.visited_on) >= first)
    if last is not None:
        found.append(col(Visit.visited_on) <= last)
    return found


def about(project_id: UUID | None, asset_id: UUID | None) -> dict[str, UUID | None]:
    """Visits to a project or an asset."""
    return {"project_id": project_id, "asset_id": asset_id}
