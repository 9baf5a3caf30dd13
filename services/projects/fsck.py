"""What the event log of projects proves."""

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from services.projects.projects.models import Project
from services.projects.tables import Base
from shared.db import ProvedTables, execute_core
from shared.events.fsck import Fsck

COPY = "working data: can be made again from proved rows"

PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]


async def read_figures(session: AsyncSession) -> dict[str, dict[str, int]]:
    """Allocated and paid by project in 分, as events of funds told them, and settled cost."""
    columns = {name: PROJECT.c[name] for name in ("allocated", "paid", "settled")}
    rows = list(await execute_core(session, sa.select(PROJECT.c.id, *columns.values())))
    return {
        name: {str(row.id): row._mapping[name] for row in rows if row._mapping[name]}  # noqa: SLF001 - its public view
        for name in columns
    }


FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "code_counter": COPY,
            "import_job": COPY,
            "import_row": COPY,
            "import_mapping": COPY,
            "screening_key": COPY,
            "screening_job": COPY,
            "screening_job_change": COPY,
            "project_delta": COPY,
            "project_quantity": COPY,
            "project_total": COPY,
        },
        stated={
            "project": ("name", "region", "state", "state_since", "total", "settled"),
            "commitment": ("project_id", "plan_id", "amount", "document_no", "issued_at"),
            "planned_money": ("project_id", "amount"),
        },
    ),
    read_figures=read_figures,
)
"""The tables, without what is made again from others."""
