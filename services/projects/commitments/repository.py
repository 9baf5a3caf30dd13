"""Every query about commitments."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.commitments.models import Commitment
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

COMMITMENT_TABLE: sa.Table = Commitment.__table__  # type: ignore[attr-defined]
OPEN_CONDITIONS = (COMMITMENT_TABLE.c.issued_at.is_(None), COMMITMENT_TABLE.c.released_at.is_(None))


async def sum_open_commitments(work: UnitOfWork, project_id: UUID) -> int:
    """分 committed to a project the caller was given and not yet issued."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(COMMITMENT_TABLE.c.amount), 0), sa.BigInteger)
    query = sa.select(total).where(COMMITMENT_TABLE.c.project_id == project_id, *OPEN_CONDITIONS)
    return int((await execute_core(work.session, query)).scalar_one())


async def find_commitment(work: UnitOfWork, commitment_id: UUID) -> Commitment | None:
    """A commitment by its id. Not scoped: only the funds service asks."""
    query = select(Commitment).where(Commitment.id == commitment_id).with_for_update()
    return (await work.session.exec(query)).first()


async def list_commitments(work: UnitOfWork, project_id: UUID) -> list[Commitment]:
    """The commitments of a project the caller was given, oldest first."""
    query = select(Commitment).where(Commitment.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Commitment.id))))


async def system_mark_issued(
    work: UnitOfWork, project_id: UUID, plan_id: UUID, document_no: str, at: datetime
) -> None:
    """The money of a plan's document for a project was issued: it counts as allocated from now on."""
    statement = (
        sa.update(COMMITMENT_TABLE)
        .where(
            COMMITMENT_TABLE.c.project_id == project_id,
            COMMITMENT_TABLE.c.plan_id == plan_id,
            *OPEN_CONDITIONS,
        )
        .where(COMMITMENT_TABLE.c.document_no == document_no)
        .values(issued_at=at)
    )
    await execute_core(work.session, statement)
