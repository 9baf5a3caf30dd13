"""Queries of repair tickets without a region check, for reporters without login."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.repairs.models import Repair
from shared.db import execute_core, file
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

REPAIRS: sa.Table = Repair.__table__  # type: ignore[attr-defined]
ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)


async def system_count_recent_repairs(work: UnitOfWork, sender: str, asset_id: UUID) -> tuple[int, int]:
    """(scan tickets of this sender in the last hour, scan tickets about this asset in the last day)."""
    from_sender = REPAIRS.c.created_by == sender
    query = sa.select(
        sa.func.count().filter(from_sender, REPAIRS.c.created_at > work.at - ONE_HOUR).label("sender"),
        sa.func.count().filter(REPAIRS.c.asset_id == asset_id).label("asset"),
    ).where(
        sa.or_(from_sender, REPAIRS.c.asset_id == asset_id),
        REPAIRS.c.created_at > work.at - ONE_DAY,
        REPAIRS.c.source == "scan",
    )
    row = (await execute_core(work.session, query)).one()
    return int(row.sender), int(row.asset)


async def system_count_photos(work: UnitOfWork, sender: str, since: datetime) -> int:
    """Number of photos uploaded by a sender since a time."""
    query = sa.select(sa.func.count()).where(file.c.uploaded_by == sender, file.c.uploaded_at > since)
    return int((await execute_core(work.session, query)).scalar_one())


async def system_list_own_photos(work: UnitOfWork, sender: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the file ids that this sender uploaded."""
    query = sa.select(file.c.id).where(file.c.id.in_(ids), file.c.uploaded_by == sender)
    return set((await execute_core(work.session, query)).scalars())


async def system_get_repair(work: UnitOfWork, asset_id: UUID, repair_id: UUID) -> Repair:
    """A ticket of this asset by id; NotFound otherwise. The unguessable id is the permission."""
    query = select(Repair).where(Repair.id == repair_id, col(Repair.asset_id) == asset_id)
    repair = (await work.session.exec(query)).first()
    if repair is None:
        raise NotFound("没有这个报修单", "No such ticket")
    return repair
