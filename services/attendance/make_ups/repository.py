"""Every query about make-ups that is not a page."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.make_ups.lifecycle import MakeUpState
from services.attendance.make_ups.models import MakeUp
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import get_columns, in_date_range
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

DISCARDED_STATES = (MakeUpState.REFUSED, MakeUpState.WITHDRAWN)


async def get_make_up(work: UnitOfWork, make_up_id: UUID, *, lock: bool = False) -> MakeUp:
    """A make-up the caller sees or is the witness of; NotFound otherwise."""
    mine = sa.or_(visible_rows(work, MakeUp), col(MakeUp.witness) == work.actor.id)
    query = select(MakeUp).where(MakeUp.id == make_up_id, mine)
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这次补卡", "No such make-up")
    return found


async def find_make_up_on_day(work: UnitOfWork, person: str, on: date, but: UUID | None) -> MakeUp | None:
    """A make-up of the person for a day, neither refused nor withdrawn."""
    query = select(MakeUp).where(
        MakeUp.person == person,
        MakeUp.starts_on == on,
        col(MakeUp.state).not_in(DISCARDED_STATES),
        visible_rows(work, MakeUp),
    )
    if but is not None:
        query = query.where(MakeUp.id != but)
    return (await work.session.exec(query.limit(1))).first()


async def list_make_ups_to_witness(work: UnitOfWork, asked: PageParams) -> Page[MakeUp]:
    """A page of the make-ups that wait for the caller's own word."""
    query = select(MakeUp).where(MakeUp.witness == work.actor.id, MakeUp.state == MakeUpState.REQUESTED)
    orders = {"starts_on": col(MakeUp.starts_on)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(MakeUp.id), default="-starts_on"
    )


async def count_make_ups(work: UnitOfWork, person: str, first: date, last: date, but: UUID | None) -> int:
    """How many make-ups the person asked for in these days and did not lose."""
    row = get_columns(MakeUp)
    query = sa.select(sa.func.count()).where(
        row.person == person,
        row.state.not_in(DISCARDED_STATES),
        *in_date_range(row.starts_on, first, last),
        visible_rows(work, MakeUp),
    )
    if but is not None:
        query = query.where(row.id != but)
    return int((await execute_core(work.session, query)).scalar_one())
