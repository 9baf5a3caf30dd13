"""Every query about milestones."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.milestones.models import Milestone
from shared.db import run
from shared.errors import NotFound
from shared.work import Work

TABLE: sa.Table = Milestone.__table__  # type: ignore[attr-defined]


async def of_project(work: Work, project_id: UUID) -> list[Milestone]:
    """The milestones of a project the caller was given, by plan."""
    query = select(Milestone).where(Milestone.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Milestone.planned_on), col(Milestone.id))))


async def forget_open(work: Work, project_id: UUID) -> None:
    """Take away those of a project the caller was given that were not reached yet."""
    statement = sa.delete(TABLE).where(TABLE.c.project_id == project_id, TABLE.c.done_on.is_(None))
    await run(work.session, statement)


async def get(work: Work, project_id: UUID, milestone_id: UUID) -> Milestone:
    """One milestone of a project the caller was given; NotFound without it."""
    query = select(Milestone).where(Milestone.id == milestone_id, Milestone.project_id == project_id)
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这个节点", "No such milestone")
    return found
