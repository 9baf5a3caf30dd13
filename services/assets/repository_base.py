"""Generic queries over the record tables of this service, limited to the caller's regions."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlmodel import col, select

from shared.auth import May
from shared.db import Record
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

RecordT = TypeVar("RecordT", bound=Record)
MAX_RECORDS = 1000


async def get_record(
    work: UnitOfWork, table: type[RecordT], record_id: UUID, what: str, *, lock: bool = False
) -> RecordT:
    """One record in the caller's regions; NotFound otherwise, with `what` as the Chinese noun of the message."""
    query = select(table).where(
        table.id == record_id, work.actor.scope_filter(May.ASSET_READ, col(table.region))
    )
    record = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if record is None:
        raise NotFound(f"没有这{what}: {record_id}", f"No such record {record_id}")
    return record


async def list_records(
    work: UnitOfWork,
    table: type[RecordT],
    *where: sa.ColumnElement[bool],
    order: Sequence[Any] = (),
    lock: bool = False,
    limit: int = MAX_RECORDS,
) -> list[RecordT]:
    """Records in the caller's regions that meet the conditions, at most `limit`; ordered by id unless `order` is given."""
    query = select(table).where(work.actor.scope_filter(May.ASSET_READ, col(table.region)), *where)
    query = query.order_by(*(order or (col(table.id),))).limit(limit)
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def page_records(
    work: UnitOfWork,
    page_params: PageParams,
    table: type[RecordT],
    *where: sa.ColumnElement[bool],
    orders: Mapping[str, Any],
    read: type[BaseModel],
    default: str,
    region: str | None = None,
) -> PageAnswer:
    """One page of the records in the caller's regions that meet the conditions."""
    query = select(table).where(work.actor.scope_filter(May.ASSET_READ, col(table.region)), *where)
    if region:
        query = query.where(work.within_region(col(table.region), region))
    return await answer_page(
        work.session, query, page_params, read=read, orders=orders, key=col(table.id), default=default
    )


def equality_conditions(pairs: Mapping[Any, Any]) -> list[sa.ColumnElement[bool]]:
    """`column = value` for every value that is not None."""
    return [column == value for column, value in pairs.items() if value is not None]
