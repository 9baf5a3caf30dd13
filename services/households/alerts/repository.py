"""The clues, households and loans that a rule is about, in the caller's regions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.households.clues.models import Clue
from services.households.households.repository import HOUSEHOLDS
from services.households.loans.repository import LOANS
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Subjects, is_among
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

CLUES: sa.Table = Clue.__table__  # type: ignore[attr-defined]


async def list_rows(
    work: UnitOfWork, table: sa.Table, subjects: Subjects, *where: sa.ColumnElement[bool]
) -> Sequence[sa.Row[Any]]:
    """Clues, households or loans that meet the conditions, those due first in front."""
    query = sa.select(table).where(
        work.actor.scope_filter(May.HOUSEHOLD_READ, table.c.region), is_among(table.c.id, subjects), *where
    )
    query = query.order_by(table.c.due_on, table.c.id).limit(MAX_ROWS_PER_SCAN)
    return (await execute_core(work.session, query)).all()


__all__ = ["CLUES", "HOUSEHOLDS", "LOANS", "list_rows"]
