"""The items that a rule is about, in the caller's regions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.rectification.items.models import RectificationItem
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Subjects, is_among
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

ITEMS: sa.Table = RectificationItem.__table__  # type: ignore[attr-defined]


async def list_items(
    work: UnitOfWork, subjects: Subjects, *where: sa.ColumnElement[bool]
) -> Sequence[sa.Row[Any]]:
    """Items that meet the conditions, those due first in front."""
    query = sa.select(ITEMS).where(
        work.actor.scope_filter(May.RECTIFICATION_READ, ITEMS.c.region),
        is_among(ITEMS.c.id, subjects),
        *where,
    )
    query = query.order_by(ITEMS.c.due_on, ITEMS.c.id).limit(MAX_ROWS_PER_SCAN)
    return (await execute_core(work.session, query)).all()
