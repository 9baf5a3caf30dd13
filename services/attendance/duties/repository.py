"""Every query about duty shifts that is not one record or one page."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.duties.kinds import DutyState
from services.attendance.duties.models import Duty
from services.attendance.posts.models import Assignment
from services.attendance.repository import seen
from shared.access import span
from shared.pages import Asked, Page, page
from shared.work import Work


def visible(work: Work) -> sa.ColumnElement[bool]:
    """Shifts of the caller's regions, and those of the posts they are stationed at: a rota is everybody's on it."""
    stationed = select(Assignment.post_id).where(Assignment.person == work.actor.id)
    return sa.or_(seen(work, Duty), col(Duty.post_id).in_(stationed))


async def listed(
    work: Work, asked: Asked, *, region: str, person: str, where: Sequence[sa.ColumnElement[bool]]
) -> Page[Duty]:
    """A page of shifts, the latest first."""
    query = select(Duty).where(visible(work), *where)
    if region:
        query = query.where(col(Duty.region).between(*span(region)))
    if person:
        query = query.where(Duty.person == person)
    orders = {"work_date": col(Duty.work_date)}
    return await page(work.session, query, asked, orders=orders, key=col(Duty.id), default="-work_date")


async def clashing(
    work: Work, person: str, starts_at: datetime, ends_at: datetime, *but: UUID | None
) -> Duty | None:
    """A shift of the person, not cancelled, that overlaps a time."""
    query = select(Duty).where(
        Duty.person == person,
        Duty.state != DutyState.CANCELLED,
        col(Duty.starts_at) < ends_at,
        col(Duty.ends_at) > starts_at,
        visible(work),
        col(Duty.id).not_in([one for one in but if one is not None]),
    )
    return (await work.session.exec(query.limit(1))).first()
