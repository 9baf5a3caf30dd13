"""Every query about phones that is not one record or one page."""

from datetime import date

import sqlalchemy as sa

from services.attendance.devices.lifecycle import DeviceState
from services.attendance.devices.models import Device
from services.attendance.repository import seen
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.rows import columns
from shared.db import run
from shared.work import Work


async def asked_about_since(work: Work, person: str) -> date | None:
    """The first day of a person that waits for a reviewer, within what the caller sees."""
    row = columns(Review)
    query = sa.select(sa.func.min(row.work_date)).where(
        row.person == person, row.state == ReviewState.OPEN, seen(work, Review)
    )
    found: date | None = (await run(work.session, query)).scalar_one()
    return found


async def bound(work: Work, person: str) -> int:
    """How many phones a person has bound, within what the caller sees."""
    row = columns(Device)
    query = sa.select(sa.func.count()).where(
        row.person == person, row.state == DeviceState.BOUND, seen(work, Device)
    )
    return int((await run(work.session, query)).scalar_one())
