"""Every query over check-ins."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Result
from shared.access import span
from shared.cursors import insert_once
from shared.db import run
from shared.errors import NotFound
from shared.pages import Page, Paging, page
from shared.permissions import May
from shared.work import Work


async def insert(work: Work, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Write all rows whose id is new, in one statement; the ids that were."""
    table = CheckIn.__table__  # type: ignore[attr-defined]
    statement = insert_once(work.session, table, list(rows)).returning(table.c.id)  # type: ignore[attr-defined]
    return set((await run(work.session, statement)).scalars())


async def digests(work: Work, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """(digest, person) of the records with these ids, for telling a repeat from a clash."""
    query = select(CheckIn.id, CheckIn.created_digest, CheckIn.person).where(col(CheckIn.id).in_(ids))
    return {row[0]: (row[1], row[2]) for row in await work.session.exec(query)}


async def get(work: Work, check_in_id: UUID) -> CheckIn:
    """One record the caller sees; NotFound otherwise."""
    query = select(CheckIn).where(CheckIn.id == check_in_id, _seen(work))
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound("没有这条打卡记录", "No such check-in")
    return found


async def search(
    work: Work,
    asked: Paging,
    *,
    region: str,
    person: str,
    low: date | None,
    high: date | None,
    result: Result | None,
) -> Page[CheckIn]:
    """Check-ins the caller sees, newest first."""
    query = select(CheckIn).where(_seen(work))
    if region:
        query = query.where(col(CheckIn.region).between(*span(region)))
    if person:
        query = query.where(CheckIn.person == person)
    if low is not None:
        query = query.where(CheckIn.work_date >= low)
    if high is not None:
        query = query.where(CheckIn.work_date <= high)
    if result is not None:
        query = query.where(CheckIn.result == result)
    orders = {"taken_at": col(CheckIn.taken_at)}
    return await page(work.session, query, asked, orders=orders, key=col(CheckIn.id), default="-taken_at")


def _seen(work: Work) -> sa.ColumnElement[bool]:
    return work.actor.where(May.PRESENCE_READ, col(CheckIn.region), col(CheckIn.person))
