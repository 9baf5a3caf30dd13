"""Every query about swaps: those of one's regions, and those one asked for or is asked for."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.duties.models import Duty
from services.attendance.repository import seen
from services.attendance.swaps.lifecycle import OPEN, SwapState
from services.attendance.swaps.models import DutySwap
from shared.access import span
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.work import Work


def _visible(work: Work) -> sa.ColumnElement[bool]:
    return sa.or_(seen(work, DutySwap), col(DutySwap.partner) == work.actor.id)


async def get(work: Work, swap_id: UUID, *, lock: bool = False) -> DutySwap:
    """A swap the caller sees or is asked for; NotFound otherwise."""
    query = select(DutySwap).where(DutySwap.id == swap_id, _visible(work))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这次换班", "No such swap")
    return found


async def listed(
    work: Work, asked: Asked, *, region: str, state: SwapState | None, to_agree: bool
) -> Page[DutySwap]:
    """A page of swaps, the newest first."""
    query = select(DutySwap).where(_visible(work))
    if region:
        query = query.where(col(DutySwap.region).between(*span(region)))
    if state is not None:
        query = query.where(DutySwap.state == state)
    if to_agree:
        query = query.where(DutySwap.partner == work.actor.id, DutySwap.state == SwapState.ASKED)
    orders = {"created_at": col(DutySwap.created_at)}
    return await page(work.session, query, asked, orders=orders, key=col(DutySwap.id), default="-created_at")


async def duties(
    work: Work, identifiers: Sequence[UUID], region: str, *, lock: bool = True
) -> dict[UUID, Duty]:
    """Shifts of a region by id, locked in one order unless only read; a cadre may name a fellow's."""
    query = select(Duty).where(col(Duty.id).in_(identifiers), Duty.region == region)
    query = query.order_by(col(Duty.id))
    rows = await work.session.exec(query.with_for_update() if lock else query)
    return {one.id: one for one in rows}


async def asked_for(work: Work, duty_id: UUID, but: UUID | None) -> bool:
    """Whether a swap of a shift is under way."""
    about = sa.or_(col(DutySwap.duty_id) == duty_id, col(DutySwap.other_duty_id) == duty_id)
    query = select(DutySwap.id).where(about, col(DutySwap.state).in_(OPEN), _visible(work))
    if but is not None:
        query = query.where(DutySwap.id != but)
    return (await work.session.exec(query.limit(1))).first() is not None
