"""Every query about exports and imports."""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from sqlmodel import col, select

from services.projects.library import repository as projects
from services.projects.library.models import PlannedMoney, Project, ProjectPlace
from services.projects.library.repository import Wanted
from shared.pages import Asked
from shared.work import Work

BATCH = 500


async def batches(work: Work, wanted: Wanted) -> AsyncGenerator[list[Project]]:
    """Projects of the caller's regions, oldest first, page by page."""
    cursor = ""
    while True:
        found = await projects.listed(work, Asked(BATCH, cursor, "created_at"), wanted)
        yield found.items
        if found.next_cursor is None:
            return
        cursor = found.next_cursor


async def money(work: Work, ids: Sequence[UUID]) -> dict[UUID, list[PlannedMoney]]:
    """Planned money of projects the caller was given."""
    rows: dict[UUID, list[PlannedMoney]] = {one: [] for one in ids}
    for row in await work.session.exec(select(PlannedMoney).where(col(PlannedMoney.project_id).in_(ids))):
        rows[row.project_id].append(row)
    return rows


async def places(work: Work, ids: Sequence[UUID]) -> dict[UUID, list[ProjectPlace]]:
    """Places of projects the caller was given."""
    rows: dict[UUID, list[ProjectPlace]] = {one: [] for one in ids}
    query = select(ProjectPlace).where(col(ProjectPlace.project_id).in_(ids))
    for row in await work.session.exec(query.order_by(col(ProjectPlace.position))):
        rows[row.project_id].append(row)
    return rows
