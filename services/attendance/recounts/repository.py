"""Every query over what is to be reckoned anew."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.posts.models import Assignment
from services.attendance.recounts.models import Recount
from services.attendance.rows import columns, during
from shared.access import span
from shared.db import run


async def system_ask(session: AsyncSession, region: str, first: date, last: date, at: datetime) -> None:
    """Want a region's days reckoned anew, whatever was wanted of it before."""
    found = (await session.exec(select(Recount).where(Recount.region == region).with_for_update())).first()
    job = found or Recount(region=region, first=first, on_day=last, asked_at=at)
    job.first, job.on_day, job.after_person, job.asked_at = min(job.first, first), last, "", at
    session.add(job)


async def system_next(session: AsyncSession) -> Recount | None:
    """What was asked for first, locked; None when nothing is, or another process is at it."""
    query = select(Recount).order_by(col(Recount.asked_at)).limit(1)
    return (await session.exec(query.with_for_update(skip_locked=True))).first()


async def system_stationed(session: AsyncSession, region: str, on: date, after: str, limit: int) -> list[str]:
    """Persons stationed in a region on a day, by name after one."""
    posting = columns(Assignment)
    query = (
        sa.select(posting.person)
        .where(posting.region.between(*span(region)), during(Assignment, on, on), posting.person > after)
        .distinct()
        .order_by(posting.person)
        .limit(limit)
    )
    return list((await run(session, query)).scalars())
