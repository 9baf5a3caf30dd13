"""Every query about spot checks that is not one record or one page."""

from datetime import date

from sqlmodel import col, select

from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.posts.models import Assignment
from services.attendance.rows import during
from shared.access import span
from shared.permissions import May
from shared.work import Work


async def pool(work: Work, region: str, on: date) -> dict[str, Assignment]:
    """Who could be drawn: stationed there that day, not on granted leave, not on an errand. By person, sorted."""
    away = select(Leave.person).where(Leave.state == LeaveState.APPROVED, during(Leave, on, on))
    out = select(Errand.person).where(
        col(Errand.state).in_((ErrandState.REPORTED, ErrandState.ACKNOWLEDGED)), during(Errand, on, on)
    )
    query = select(Assignment).where(
        col(Assignment.region).between(*span(region)),
        work.actor.where(May.SPOT_CHECK, col(Assignment.region)),
        during(Assignment, on, on),
        col(Assignment.person).not_in(away),
        col(Assignment.person).not_in(out),
    )
    found: dict[str, Assignment] = {}
    for one in await work.session.exec(query.order_by(col(Assignment.person), col(Assignment.id))):
        found.setdefault(one.person, one)
    return found
