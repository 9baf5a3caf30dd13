"""Reading records of any of this service's tables, always within the caller's regions."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.access import span
from shared.db import Record
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

R = TypeVar("R", bound=Record)
MOST = 1000


async def one(work: Work, table: type[R], record_id: UUID, what: str, *, lock: bool = False) -> R:
    """One record of the caller's regions; NotFound says what there is none of."""
    query = select(table).where(table.id == record_id, work.actor.where(May.ASSET_READ, col(table.region)))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这{what}: {record_id}", f"No such record {record_id}")
    return found


async def some(
    work: Work,
    table: type[R],
    *where: sa.ColumnElement[bool],
    order: Sequence[Any] = (),
    lock: bool = False,
    most: int = MOST,
) -> list[R]:
    """Records of the caller's regions that meet the conditions, by id when no order is given."""
    query = select(table).where(work.actor.where(May.ASSET_READ, col(table.region)), *where)
    query = query.order_by(*(order or (col(table.id),))).limit(most)
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def paged(
    work: Work,
    asked: Asked,
    table: type[R],
    *where: sa.ColumnElement[bool],
    orders: Mapping[str, Any],
    default: str,
    region: str | None = None,
) -> Page[R]:
    """A page of records of the caller's regions that meet the conditions."""
    query = select(table).where(work.actor.where(May.ASSET_READ, col(table.region)), *where)
    if region:
        query = query.where(col(table.region).between(*span(region)))
    return await page(work.session, query, asked, orders=orders, key=col(table.id), default=default)


def system_same(pairs: Mapping[Any, Any]) -> list[sa.ColumnElement[bool]]:
    """Column = value for every value that is given."""
    return [column == value for column, value in pairs.items() if value is not None]
