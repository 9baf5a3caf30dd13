"""Queries of rectification items in the caller's regions."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.rectification.items.lifecycle import OPEN_STATES, ItemState
from services.rectification.items.models import ItemProgress, RectificationItem
from services.rectification.items.schemas import RectificationItemRead
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.records.town_rates import town_head
from shared.unit_of_work import UnitOfWork

ITEMS: sa.Table = RectificationItem.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"created_at": col(RectificationItem.created_at), "found_on": col(RectificationItem.found_on)}
MAX_EXPORTED = 2000


def _scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.RECTIFICATION_READ, col(RectificationItem.region))


def overdue_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: not closed, and the deadline has passed."""
    return sa.and_(ITEMS.c.state.in_(OPEN_STATES), ITEMS.c.due_on < work.today)


async def get_item(work: UnitOfWork, item_id: UUID, *, lock: bool = False) -> RectificationItem:
    """Get an item; raises NotFound."""
    query = select(RectificationItem).where(RectificationItem.id == item_id, _scope(work))
    item = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if item is None:
        raise NotFound("没有这个整改问题", "No such rectification item")
    return item


async def find_item_of_alert(work: UnitOfWork, alert: str) -> RectificationItem | None:
    """The item that was entered from an alert, if the caller may see it."""
    query = select(RectificationItem).where(col(RectificationItem.alert) == alert, _scope(work))
    return (await work.session.exec(query)).first()


async def system_find_same_number(
    work: UnitOfWork, source: str, document_no: str, number: str
) -> RectificationItem | None:
    """The item with this number in the same document of the same source, whoever may see it."""
    query = select(RectificationItem).where(
        col(RectificationItem.source) == source,
        col(RectificationItem.document_no) == document_no,
        col(RectificationItem.number) == number,
    )
    return (await work.session.exec(query)).first()


async def list_progress(work: UnitOfWork, item: RectificationItem) -> list[ItemProgress]:
    """The monthly reports of an item that the caller may read, oldest first."""
    query = select(ItemProgress).where(
        col(ItemProgress.item_id) == item.id,
        work.actor.scope_filter(May.RECTIFICATION_READ, col(ItemProgress.region)),
    )
    return list(await work.session.exec(query.order_by(col(ItemProgress.created_at), col(ItemProgress.id))))


def build_conditions(
    work: UnitOfWork, region: str | None, filters: Mapping[str, Any], *, overdue: bool
) -> list[sa.ColumnElement[bool]]:
    """The conditions of a list."""
    found = [ITEMS.c[name] == value for name, value in filters.items() if value is not None]
    if region:
        found.append(work.within_region(ITEMS.c.region, region))
    if overdue:
        found.append(overdue_condition(work))
    return found


async def list_items(
    work: UnitOfWork, params: PageParams, conditions: list[sa.ColumnElement[bool]]
) -> PageAnswer:
    """List a page of items."""
    query = select(RectificationItem).where(_scope(work), *conditions)
    return await answer_page(
        work.session,
        query,
        params,
        orders=SORT_COLUMNS,
        key=col(RectificationItem.id),
        default="-created_at",
        read=RectificationItemRead,
    )


async def list_exported(
    work: UnitOfWork, region: str, source: str | None, since: date | None, until: date | None
) -> list[RectificationItem]:
    """The items of a paper in the order of their documents and numbers, one more than a paper holds at most."""
    conditions = build_conditions(work, region, {"source": source}, overdue=False)
    if since is not None:
        conditions.append(ITEMS.c.found_on >= since)
    if until is not None:
        conditions.append(ITEMS.c.found_on <= until)
    query = select(RectificationItem).where(_scope(work), ITEMS.c.state != ItemState.CANCELLED, *conditions)
    order = (
        col(RectificationItem.found_on),
        col(RectificationItem.document_no),
        col(RectificationItem.number),
    )
    return list(await work.session.exec(query.order_by(*order).limit(MAX_EXPORTED + 1)))


async def sum_items(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Rows (head, source, state, number, overdue, rebounds, found, corrected) of a region; amounts in 分."""
    number = sa.func.count().label("number")
    late = sa.func.count().filter(overdue_condition(work)).label("overdue")
    rebounds = sa.func.count().filter(ITEMS.c.rebounds > 0).label("rebounds")
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(ITEMS.c[name]), 0), sa.BigInteger).label(name)
        for name in ("amount_found", "amount_corrected")
    ]
    head = town_head(work, ITEMS.c.region, region).label("head")
    query = sa.select(head, ITEMS.c.source, ITEMS.c.state, number, late, rebounds, *sums).where(
        _scope(work), ITEMS.c.state != ItemState.CANCELLED, *build_conditions(work, region, {}, overdue=False)
    )
    if year is not None:
        query = query.where(sa.extract("year", ITEMS.c.found_on) == year)
    return list(await execute_core(work.session, query.group_by(head, ITEMS.c.source, ITEMS.c.state)))
