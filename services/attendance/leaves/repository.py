"""Every query about leaves that is not one record or one page."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Delegation, Leave
from services.attendance.policy import STEPS
from services.attendance.repository import seen
from services.attendance.rows import columns, during
from shared.access import span
from shared.db import run
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work

LIVE = (LeaveState.REQUESTED, LeaveState.APPROVED, LeaveState.RETURNED)


async def overlapping(work: Work, person: str, first: date, last: date, but: UUID | None) -> Leave | None:
    """A leave of the person, asked for or granted, that touches these days."""
    query = select(Leave).where(
        Leave.person == person, col(Leave.state).in_(LIVE), during(Leave, first, last), seen(work, Leave)
    )
    if but is not None:
        query = query.where(Leave.id != but)
    return (await work.session.exec(query.limit(1))).first()


async def halves_in_year(work: Work, leave: Leave) -> int:
    """Half days of leave granted to the person in the year of a leave, that one included while it is open."""
    row = columns(Leave)
    year = (date(leave.starts_on.year, 1, 1), date(leave.starts_on.year, 12, 31))
    query = sa.select(sa.func.coalesce(sa.func.sum(row.halves), 0)).where(
        row.person == leave.person, row.state.in_(LIVE), row.starts_on.between(*year), seen(work, Leave)
    )
    return int((await run(work.session, query)).scalar_one())


async def to_approve(work: Work, asked: Asked) -> Page[Leave]:
    """A page of the leaves whose present step is the caller's own or was given to them for today."""
    area = col(Leave.region)
    mine = [
        sa.and_(col(Leave.turn) == STEPS[grant.role], area.between(*span(grant.region)))
        for grant in work.actor.grants
        if grant.role in STEPS
    ]
    given = select(Delegation).where(
        Delegation.deputy == work.actor.id,
        Delegation.starts_on <= work.today,
        Delegation.ends_on >= work.today,
    )
    mine += [
        sa.and_(col(Leave.turn) == one.step, area.between(*span(one.region)))
        for one in await work.session.exec(given.limit(50))
    ]
    query = select(Leave).where(
        Leave.state == LeaveState.REQUESTED,
        sa.or_(sa.false(), *mine),
        work.actor.where(May.LEAVE_APPROVE, area),
        Leave.person != work.actor.id,
    )
    orders = {"starts_on": col(Leave.starts_on)}
    return await page(work.session, query, asked, orders=orders, key=col(Leave.id), default="starts_on")


async def delegated(work: Work, step: str, region: str) -> bool:
    """Whether the caller is somebody's deputy today for a step in a region or above."""
    query = select(Delegation.id).where(
        Delegation.deputy == work.actor.id,
        Delegation.step == step,
        Delegation.starts_on <= work.today,
        Delegation.ends_on >= work.today,
        col(Delegation.region).in_(lineage(region)),
    )
    return (await work.session.exec(query.limit(1))).first() is not None
