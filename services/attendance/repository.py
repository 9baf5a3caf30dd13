"""The queries every feature here needs: one record, a page of records, within what the caller may see."""

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


def seen(work: Work, table: Any, may: May = May.PRESENCE_READ) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a table class
    """Whether the caller sees a row: in their regions, or their own where the table has a `person`."""
    owner = getattr(table, "person", None)
    return work.actor.where(may, col(table.region), None if owner is None else col(owner))


async def get(
    work: Work,
    table: type[R],
    identifier: UUID,
    words: str,
    *,
    lock: bool = False,
    may: May = May.PRESENCE_READ,
) -> R:
    """One record the caller sees; NotFound otherwise, with these words for it."""
    query = select(table).where(col(table.id) == identifier, seen(work, table, may))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有{words}", f"No such {table.__name__.lower()}")
    return found


async def listed(
    work: Work,
    asked: Asked,
    table: type[R],
    *,
    order: str,
    region: str = "",
    equal: Mapping[str, Any] | None = None,
    where: Sequence[sa.ColumnElement[bool]] = (),
    may: May = May.PRESENCE_READ,
) -> Page[R]:
    """A page of records the caller sees. `order` names the column, `-` before it for newest first; None filters nothing."""
    query = select(table).where(seen(work, table, may), *where)
    if region:
        query = query.where(col(table.region).between(*span(region)))
    for name, value in (equal or {}).items():
        if value is not None and value != "":
            query = query.where(getattr(table, name) == value)
    column = col(getattr(table, order.removeprefix("-")))
    orders = {order.removeprefix("-"): column}
    return await page(work.session, query, asked, orders=orders, key=col(table.id), default=order)
