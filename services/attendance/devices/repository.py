"""Every query about phones that is not one record or one page."""

import sqlalchemy as sa

from services.attendance.devices.lifecycle import DeviceState
from services.attendance.devices.models import Device
from services.attendance.repository import seen
from services.attendance.rows import columns
from shared.db import run
from shared.work import Work


async def bound(work: Work, person: str) -> int:
    """How many phones a person has bound, within what the caller sees."""
    row = columns(Device)
    query = sa.select(sa.func.count()).where(
        row.person == person, row.state == DeviceState.BOUND, seen(work, Device)
    )
    return int((await run(work.session, query)).scalar_one())
