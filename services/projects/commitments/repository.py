"""Queries on funding commitments."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.commitments.models import Commitment
from shared.db import execute_core, note_keys
from shared.unit_of_work import UnitOfWork

COMMITMENT_TABLE: sa.Table = Commitment.__table__  # type: ignore[attr-defined]
OPEN_CONDITIONS = (COMMITMENT_TABLE.c.issued_at.is_(None), COMMITMENT_TABLE.c.released_at.is_(None))


def system_build_open_amount_query(project_id: Any) -> sa.Select[Any]:  # noqa: ANN401 - an id or a parameter
    """Build the query of the amount (分) committed to a project and not yet issued."""
    total = sa.cast(sa.func.coalesce(sa.func.sum(COMMITMENT_TABLE.c.amount), 0), sa.BigInteger)
    return sa.select(total.label("amount")).where(
        COMMITMENT_TABLE.c.project_id == project_id, *OPEN_CONDITIONS
    )


async def find_commitment(work: UnitOfWork, commitment_id: UUID) -> Commitment | None:
    """Load and lock a commitment by id, or return None. Not scoped: only the funds service calls it."""
    query = select(Commitment).where(Commitment.id == commitment_id).with_for_update()
    return (await work.session.exec(query)).first()


async def list_commitments(work: UnitOfWork, project_id: UUID) -> list[Commitment]:
    """Return the commitments of a project, oldest first. The caller has checked access to the project."""
    query = select(Commitment).where(Commitment.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Commitment.id))))


async def system_mark_issued(
    work: UnitOfWork, project_id: UUID, plan_id: UUID, document_no: str, at: datetime
) -> None:
    """Mark the commitments of a plan and document as issued; from then on the amount counts as allocated."""
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
    issued = (await execute_core(work.session, statement.returning(COMMITMENT_TABLE.c.id))).scalars()
    note_keys(work.session, COMMITMENT_TABLE, issued)
