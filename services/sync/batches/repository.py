"""Statements over batches."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select

from services.sync.batches.models import SyncBatch
from services.sync.batches.schemas import SyncBatchRead
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"received_at": col(SyncBatch.received_at)}


async def find_own_batch(work: UnitOfWork, batch_id: UUID) -> SyncBatch | None:
    """One of the caller's batches."""
    query = select(SyncBatch).where(SyncBatch.id == batch_id, SyncBatch.account == work.actor.id)
    return (await work.session.exec(query)).first()


async def put_batch(work: UnitOfWork, batch: SyncBatch) -> None:
    """Insert one of the caller's batches, or keep the stored one with the new faults: the same body may come twice at once."""
    insert: Any = postgresql.insert if work.context.database.dialect == "postgresql" else sqlite.insert
    statement = insert(SyncBatch).values(batch.model_dump())
    await execute_core(
        work.session,
        statement.on_conflict_do_update(
            index_elements=[col(SyncBatch.id)], set_={"malformed": statement.excluded.malformed}
        ),
    )


async def get_own_batch(work: UnitOfWork, batch_id: UUID) -> SyncBatch:
    """One of the caller's batches; NotFound for another's."""
    found = await find_own_batch(work, batch_id)
    if found is None:
        raise NotFound("没有这个批次, 或已超过 90 天", "No such batch")
    return found


async def list_batches(work: UnitOfWork, params: PageParams) -> PageAnswer:
    """The caller's batches."""
    query = select(SyncBatch).where(
        work.actor.scope_filter(May.SYNC_READ, col(SyncBatch.region), col(SyncBatch.account))
    )
    return await answer_page(
        work.session,
        query,
        params,
        read=SyncBatchRead,
        orders=SORT_COLUMNS,
        key=col(SyncBatch.id),
        default="-received_at",
    )


async def system_delete_old(work: UnitOfWork, before: datetime) -> None:
    """Forget batches received before a time."""
    await execute_core(work.session, delete(SyncBatch).where(col(SyncBatch.received_at) < before))
