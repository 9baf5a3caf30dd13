"""Queries on milestones."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.milestones.models import Milestone
from shared.db import delete_rows
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

MILESTONE_TABLE: sa.Table = Milestone.__table__  # type: ignore[attr-defined]


async def list_milestones(work: UnitOfWork, project_id: UUID) -> list[Milestone]:
    """Return the milestones of a project by planned date. The caller has checked access to the project."""
    query = select(Milestone).where(Milestone.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Milestone.planned_on), col(Milestone.id))))


async def delete_open_milestones(work: UnitOfWork, project_id: UUID) -> None:
    """Delete the milestones of a project that are not completed. The caller has checked access to the project."""
    own, is_open = MILESTONE_TABLE.c.project_id == project_id, MILESTONE_TABLE.c.done_on.is_(None)
    await delete_rows(work.session, MILESTONE_TABLE, own, is_open)


async def get_milestone(work: UnitOfWork, project_id: UUID, milestone_id: UUID) -> Milestone:
    """Load and lock a milestone of a project; raise NotFound when there is none. The caller has checked access to the project."""
    query = select(Milestone).where(Milestone.id == milestone_id, Milestone.project_id == project_id)
    milestone = (await work.session.exec(query.with_for_update())).first()
    if milestone is None:
        raise NotFound("没有这个节点", "No such milestone")
    return milestone
