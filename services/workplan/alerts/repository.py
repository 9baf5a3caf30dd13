"""The targets that a rule is about, in the caller's regions."""

import sqlalchemy as sa
from sqlmodel import col, select

from services.workplan.targets.models import WorkTarget
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Subjects, is_among
from shared.auth import May
from shared.unit_of_work import UnitOfWork

TARGETS: sa.Table = WorkTarget.__table__  # type: ignore[attr-defined]


async def list_targets(
    work: UnitOfWork, subjects: Subjects, *where: sa.ColumnElement[bool]
) -> list[WorkTarget]:
    """Targets that meet the conditions, those due first in front."""
    query = select(WorkTarget).where(
        work.actor.scope_filter(May.WORKPLAN_READ, TARGETS.c.region), is_among(TARGETS.c.id, subjects), *where
    )
    order = (col(WorkTarget.due_on), col(WorkTarget.id))
    return list(await work.session.exec(query.order_by(*order).limit(MAX_ROWS_PER_SCAN)))
