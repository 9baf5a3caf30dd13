"""Every query about commitments."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.commitments.models import Commitment
from shared.db import run
from shared.work import Work

TABLE: sa.Table = Commitment.__table__  # type: ignore[attr-defined]
OPEN = (TABLE.c.issued_at.is_(None), TABLE.c.released_at.is_(None))


async def open_amount(work: Work, project_id: UUID) -> int:
    """分 committed to a project the caller was given and not yet issued."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(TABLE.c.amount), 0), sa.BigInteger)
    query = sa.select(total).where(TABLE.c.project_id == project_id, *OPEN)
    return int((await run(work.session, query)).scalar_one())


async def one(work: Work, commitment_id: UUID) -> Commitment | None:
    """A commitment by its id. Not scoped: only the funds service asks."""
    query = select(Commitment).where(Commitment.id == commitment_id).with_for_update()
    return (await work.session.exec(query)).first()


async def of_project(work: Work, project_id: UUID) -> list[Commitment]:
    """The commitments of a project the caller was given, oldest first."""
    query = select(Commitment).where(Commitment.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Commitment.id))))


async def system_issued(work: Work, project_id: UUID, plan_id: UUID, document_no: str, at: datetime) -> None:
    """The money of a plan's document for a project was issued: it counts as allocated from now on."""
    statement = (
        sa.update(TABLE)
        .where(TABLE.c.project_id == project_id, TABLE.c.plan_id == plan_id, *OPEN)
        .where(TABLE.c.document_no == document_no)
        .values(issued_at=at)
    )
    await run(work.session, statement)
