"""Every query about milestones."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.milestones.models import Milestone
from shared.db import execute_core
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

MILESTONE_TABLE: sa.Table = Milestone.__table__  # type: ignore[attr-defined]


async def list_milestones(work: UnitOfWork, project_id: UUID) -> list[Milestone]:
    """The milestones of a project the caller was given, by plan."""
    query = select(Milestone).where(Milestone.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Milestone.planned_on), col(Milestone.id))))


async def delete_open_milestones(work: UnitOfWork, project_id: UUID) -> None:
    """Take away those of a project the caller was given that were not reached yet."""
    statement = sa.delete(MILESTONE_TABLE).where(
        MILESTONE_TABLE.c.project_id == project_id, MILESTONE_TABLE.c.done_on.is_(None)
    )
    await execute_core(work.session, statement)


async def get_milestone(work: UnitOfWork, project_id: UUID, milestone_id: UUID) -> Milestone:
    """One milestone of a project the caller was given; NotFound without it."""
    query = select(Milestone).where(Milestone.id == milestone_id, Milestone.project_id == project_id)
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这个节点", "No such milestone")
    return found
