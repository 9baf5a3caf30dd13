"""Every query about repairs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.repairs.models import Repair
from shared.db import run
from shared.errors import NotFound
from shared.tables import file
from shared.work import Work

TABLE: sa.Table = Repair.__table__  # type: ignore[attr-defined]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def system_sent(work: Work, sender: str, asset_id: UUID) -> tuple[int, int]:
    """(tickets this sender wrote in the last hour, tickets about this asset in the last day)."""
    mine = TABLE.c.created_by == sender
    query = sa.select(
        sa.func.count().filter(mine, TABLE.c.created_at > work.at - HOUR).label("sender"),
        sa.func.count().filter(TABLE.c.asset_id == asset_id).label("asset"),
    ).where(
        sa.or_(mine, TABLE.c.asset_id == asset_id),
        TABLE.c.created_at > work.at - DAY,
        TABLE.c.source == "scan",
    )
    row = (await run(work.session, query)).one()
    return int(row.sender), int(row.asset)


async def system_photos_sent(work: Work, sender: str, since: datetime) -> int:
    """How many photos a sender without login sent since then."""
    query = sa.select(sa.func.count()).where(file.c.uploaded_by == sender, file.c.uploaded_at > since)
    return int((await run(work.session, query)).scalar_one())


async def system_own_photos(work: Work, sender: str, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these photos this sender sent himself."""
    query = sa.select(file.c.id).where(file.c.id.in_(ids), file.c.uploaded_by == sender)
    return set((await run(work.session, query)).scalars())


async def system_of_code(work: Work, asset_id: UUID, repair_id: UUID) -> Repair:
    """A ticket of an asset, for whoever holds its number; NotFound otherwise."""
    query = select(Repair).where(Repair.id == repair_id, col(Repair.asset_id) == asset_id)
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound("没有这个报修单", "No such ticket")
    return found
