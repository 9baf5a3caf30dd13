"""Generic queries over records of any table, limited to what the caller may see."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlmodel import col, select

from shared.auth import May
from shared.db import Record, lock_until_commit
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

MEMBERSHIP_LOCK_ID = 620_602_19
R = TypeVar("R", bound=Record)


def visible_rows(work: UnitOfWork, table: Any, may: May = May.PRESENCE_READ) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a table class
    """SQL condition: rows in the regions where the caller has the permission, and the caller's own by `person`."""
    owner = getattr(table, "person", None)
    return work.actor.scope_filter(may, col(table.region), None if owner is None else col(owner))


async def system_lock_memberships(work: UnitOfWork) -> None:
    """Lets one transaction at a time add members: who is put into two teams or groups at once must end up in one."""
    await lock_until_commit(work.session, MEMBERSHIP_LOCK_ID)


async def get_record(
    work: UnitOfWork,
    table: type[R],
    identifier: UUID,
    label: str,
    *,
    lock: bool = False,
    may: May = May.PRESENCE_READ,
) -> R:
    """Returns one visible record by id. Raises NotFound "没有{label}"."""
    query = select(table).where(col(table.id) == identifier, visible_rows(work, table, may))
    record = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if record is None:
        raise NotFound(f"没有{label}", f"No such {table.__name__.lower()}")
    return record


async def list_records(
    work: UnitOfWork,
    page_params: PageParams,
    table: type[R],
    *,
    read: type[BaseModel],
    order: str,
    region: str = "",
    equal: Mapping[str, Any] | None = None,
    where: Sequence[sa.ColumnElement[bool]] = (),
    may: May = May.PRESENCE_READ,
) -> PageAnswer:
    """Returns a page of visible records, sorted by the column `order` ("-" in front: descending).

    `equal` maps columns to values; None and "" do not filter.
    """
    query = select(table).where(visible_rows(work, table, may), *where)
    if region:
        query = query.where(work.within_region(col(table.region), region))
    for name, value in (equal or {}).items():
        if value is not None and value != "":
            query = query.where(getattr(table, name) == value)
    column = col(getattr(table, order.removeprefix("-")))
    orders = {order.removeprefix("-"): column}
    return await answer_page(
        work.session, query, page_params, read=read, orders=orders, key=col(table.id), default=order
    )
