"""Queries on duty shifts and swaps."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.duties.lifecycle import OPEN_STATES, SwapState
from services.attendance.duties.models import Duty, DutySwap
from services.attendance.duties.schemas import DutyShiftRead, DutyState, SwapRead
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.leaves.schemas import DayPart
from services.attendance.posts.models import Assignment, Post
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import overlaps_days
from shared.db import in_list
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

MAX_PRINTED_SHIFTS = 5000


def visible_duties(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """SQL condition: shifts in the caller's regions, and of all persons at posts that the caller is or was assigned to."""
    own_post_ids = select(Assignment.post_id).where(Assignment.person == work.actor.id)
    return sa.or_(visible_rows(work, Duty), col(Duty.post_id).in_(own_post_ids))


async def list_duties(
    work: UnitOfWork,
    page_params: PageParams,
    *,
    region: str,
    person: str,
    where: Sequence[sa.ColumnElement[bool]],
) -> PageAnswer:
    """Returns a page of visible shifts, latest first."""
    query = select(Duty).where(visible_duties(work), *where)
    if region:
        query = query.where(work.within_region(col(Duty.region), region))
    if person:
        query = query.where(Duty.person == person)
    orders = {"work_date": col(Duty.work_date)}
    return await answer_page(
        work.session,
        query,
        page_params,
        orders=orders,
        key=col(Duty.id),
        default="-work_date",
        read=DutyShiftRead,
    )


async def list_month_duties(work: UnitOfWork, region: str, first: date, last: date) -> list[tuple[Duty, str]]:
    """Returns visible shifts of a region that are not cancelled, with the name of their post, by time."""
    query = (
        select(Duty, Post.name)
        .join(Post, col(Post.id) == Duty.post_id)
        .where(
            visible_duties(work),
            work.within_region(col(Duty.region), region),
            col(Duty.work_date).between(first, last),
            Duty.state != DutyState.CANCELLED,
        )
        .order_by(col(Duty.starts_at), col(Duty.id))
        .limit(MAX_PRINTED_SHIFTS)
    )
    return [(duty, name) for duty, name in await work.session.exec(query)]


async def find_clashing_duty(
    work: UnitOfWork, person: str, starts_at: datetime, ends_at: datetime, *except_ids: UUID | None
) -> Duty | None:
    """Returns a visible shift of the person, not cancelled, that overlaps the period, or None."""
    query = select(Duty).where(
        Duty.person == person,
        Duty.state != DutyState.CANCELLED,
        col(Duty.starts_at) < ends_at,
        col(Duty.ends_at) > starts_at,
        visible_duties(work),
        col(Duty.id).not_in([duty_id for duty_id in except_ids if duty_id is not None]),
    )
    return (await work.session.exec(query.limit(1))).first()


async def list_stationed(
    work: UnitOfWork, post_id: UUID, persons: Collection[str], first: date, last: date
) -> list[Assignment]:
    """Returns the visible assignments of these persons to a post that overlap these days."""
    query = select(Assignment).where(
        Assignment.post_id == post_id,
        in_list(work.session, col(Assignment.person), persons),
        overlaps_days(Assignment, first, last),
        visible_rows(work, Assignment),
    )
    return list(await work.session.exec(query))


async def list_day_leaves(work: UnitOfWork, persons: Collection[str], first: date, last: date) -> list[Leave]:
    """Returns the visible leaves of whole days, asked for or granted, that overlap these days."""
    query = select(Leave).where(
        in_list(work.session, col(Leave.person), persons),
        col(Leave.state).in_((LeaveState.REQUESTED, LeaveState.APPROVED)),
        Leave.part == DayPart.DAY,
        overlaps_days(Leave, first, last),
        visible_rows(work, Leave),
    )
    return list(await work.session.exec(query))


async def get_swap(work: UnitOfWork, swap_id: UUID, *, lock: bool = False) -> DutySwap:
    """Returns a visible swap. Raises NotFound."""
    query = select(DutySwap).where(DutySwap.id == swap_id, visible_swaps(work))
    swap = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if swap is None:
        raise NotFound("没有这次换班", "No such swap")
    return swap


async def list_swaps(
    work: UnitOfWork, page_params: PageParams, *, region: str, state: SwapState | None, to_agree: bool
) -> PageAnswer:
    """Returns a page of visible swaps, newest first; `to_agree`: those that await the caller's consent."""
    query = select(DutySwap).where(visible_swaps(work))
    if region:
        query = query.where(work.within_region(col(DutySwap.region), region))
    if state is not None:
        query = query.where(DutySwap.state == state)
    if to_agree:
        query = query.where(DutySwap.partner == work.actor.id, DutySwap.state == SwapState.ASKED)
    orders = {"created_at": col(DutySwap.created_at)}
    return await answer_page(
        work.session,
        query,
        page_params,
        orders=orders,
        key=col(DutySwap.id),
        default="-created_at",
        read=SwapRead,
    )


async def list_duties_by_id(
    work: UnitOfWork, identifiers: Sequence[UUID], region: str, *, lock: bool = True
) -> dict[UUID, Duty]:
    """Returns id → shift in a region, locked in id order unless `lock` is False.

    Not limited to visible shifts: a cadre may name a colleague's shift for a swap.
    """
    query = select(Duty).where(col(Duty.id).in_(identifiers), Duty.region == region)
    query = query.order_by(col(Duty.id))
    rows = await work.session.exec(query.with_for_update() if lock else query)
    return {duty.id: duty for duty in rows}


async def has_open_swap(work: UnitOfWork, duty_id: UUID, except_id: UUID | None) -> bool:
    """True if another swap of the shift is open."""
    involves_duty = sa.or_(col(DutySwap.duty_id) == duty_id, col(DutySwap.other_duty_id) == duty_id)
    query = select(DutySwap.id).where(
        involves_duty, col(DutySwap.state).in_(OPEN_STATES), visible_swaps(work)
    )
    if except_id is not None:
        query = query.where(DutySwap.id != except_id)
    return (await work.session.exec(query.limit(1))).first() is not None


def visible_swaps(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """SQL condition: swaps in the caller's regions, their own, and those in which they are the partner."""
    return sa.or_(visible_rows(work, DutySwap), col(DutySwap.partner) == work.actor.id)


async def system_list_set_duties(work: UnitOfWork, person: str, since: date) -> list[Duty]:
    """Returns a person's shifts from a day on that were not kept or cancelled, locked."""
    query = select(Duty).where(
        Duty.person == person, col(Duty.work_date) >= since, Duty.state == DutyState.SET
    )
    return list(await work.session.exec(query.order_by(col(Duty.id)).with_for_update()))
