"""Queries of quantities."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from services.projects.projects.models import Project
from services.projects.projects.repository import ProjectFilter, build_list_query
from services.projects.quantities.models import ProjectQuantity
from services.projects.quantities.rules import PLACES
from services.projects.quantities.schemas import QuantityProgress
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

QUANTITY_TABLE: sa.Table = ProjectQuantity.__table__  # type: ignore[attr-defined]


def _to_steps(amount: Decimal) -> int:
    return int(amount / PLACES)


async def replace_quantities(
    work: UnitOfWork, project_id: UUID, rows: Sequence[QuantityProgress], *, is_new: bool
) -> None:
    """Replace the quantities of a project. The caller has checked access to the project."""
    if not is_new:
        await execute_core(
            work.session, sa.delete(QUANTITY_TABLE).where(QUANTITY_TABLE.c.project_id == project_id)
        )
    if rows:
        values = [
            {
                "project_id": project_id,
                "position": position,
                "name": row.name,
                "unit": row.unit,
                "planned": _to_steps(row.planned),
                "done": _to_steps(row.done),
            }
            for position, row in enumerate(rows, 1)
        ]
        await execute_core(work.session, QUANTITY_TABLE.insert(), values)


async def sum_quantities(work: UnitOfWork, filters: ProjectFilter, item: str) -> list[sa.Row[Any]]:
    """Return (unit, planned, done, lines) over the projects of a filter, in ten-thousandths of each unit, without packages."""
    columns = QUANTITY_TABLE.c
    chosen = build_list_query(work, filters).where(col(Project.is_package).is_(False))
    query = sa.select(
        columns.unit,
        *(sa.cast(sa.func.sum(columns[name]), sa.BigInteger).label(name) for name in ("planned", "done")),
        sa.func.count().label("lines"),
    ).where(columns.project_id.in_(chosen.with_only_columns(col(Project.id))))
    if item:
        query = query.where(columns.name.contains(item, autoescape=True))
    query = query.group_by(columns.unit).order_by(columns.unit)
    return list(await execute_core(work.session, query))
