"""Queries on make-up requests."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.make_ups.lifecycle import MakeUpState
from services.attendance.make_ups.models import MakeUp
from services.attendance.make_ups.schemas import MakeUpRead
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import get_columns, in_date_range
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

DISCARDED_STATES = (MakeUpState.REFUSED, MakeUpState.WITHDRAWN)


def visible_make_ups(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """SQL condition: make-ups of the caller's regions and those they are the witness of."""
    return sa.or_(visible_rows(work, MakeUp), col(MakeUp.witness) == work.actor.id)


async def get_make_up(work: UnitOfWork, make_up_id: UUID, *, lock: bool = False) -> MakeUp:
    """Returns a make-up that the caller sees or is the witness of. Raises NotFound."""
    query = select(MakeUp).where(MakeUp.id == make_up_id, visible_make_ups(work))
    make_up = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if make_up is None:
        raise NotFound("没有这次补卡", "No such make-up")
    return make_up


async def find_make_up_on_day(
    work: UnitOfWork, person: str, on: date, except_id: UUID | None
) -> MakeUp | None:
    """Returns a visible make-up of the person for a day, neither refused nor withdrawn, or None."""
    query = select(MakeUp).where(
        MakeUp.person == person,
        MakeUp.starts_on == on,
        col(MakeUp.state).not_in(DISCARDED_STATES),
        visible_rows(work, MakeUp),
    )
    if except_id is not None:
        query = query.where(MakeUp.id != except_id)
    return (await work.session.exec(query.limit(1))).first()


async def list_make_ups_to_witness(work: UnitOfWork, page_params: PageParams) -> PageAnswer:
    """Returns a page of the make-ups that await the caller's testimony."""
    query = select(MakeUp).where(MakeUp.witness == work.actor.id, MakeUp.state == MakeUpState.REQUESTED)
    orders = {"starts_on": col(MakeUp.starts_on)}
    return await answer_page(
        work.session,
        query,
        page_params,
        read=MakeUpRead,
        orders=orders,
        key=col(MakeUp.id),
        default="-starts_on",
    )


async def count_make_ups(
    work: UnitOfWork, person: str, first: date, last: date, except_id: UUID | None
) -> int:
    """Counts the person's visible make-ups of these days, neither refused nor withdrawn."""
    row = get_columns(MakeUp)
    query = sa.select(sa.func.count()).where(
        row.person == person,
        row.state.not_in(DISCARDED_STATES),
        *in_date_range(row.starts_on, first, last),
        visible_rows(work, MakeUp),
    )
    if except_id is not None:
        query = query.where(row.id != except_id)
    return int((await execute_core(work.session, query)).scalar_one())
