"""Queries on the persons who can be drawn."""

from datetime import date

from sqlmodel import col, select

from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.posts.models import Assignment
from services.attendance.sql_conditions import overlaps_days
from shared.auth import May, region_bounds
from shared.unit_of_work import UnitOfWork


async def find_eligible_assignments(work: UnitOfWork, region: str, on: date) -> dict[str, Assignment]:
    """Returns person → first assignment that day, for persons not on approved leave or an open errand, sorted by person."""
    on_leave = select(Leave.person).where(Leave.state == LeaveState.APPROVED, overlaps_days(Leave, on, on))
    on_errand = select(Errand.person).where(
        col(Errand.state).in_((ErrandState.REPORTED, ErrandState.ACKNOWLEDGED)), overlaps_days(Errand, on, on)
    )
    query = select(Assignment).where(
        col(Assignment.region).between(*region_bounds(region)),
        work.actor.scope_filter(May.SPOT_CHECK, col(Assignment.region)),
        overlaps_days(Assignment, on, on),
        col(Assignment.person).not_in(on_leave),
        col(Assignment.person).not_in(on_errand),
    )
    assignments: dict[str, Assignment] = {}
    for assignment in await work.session.exec(query.order_by(col(Assignment.person), col(Assignment.id))):
        assignments.setdefault(assignment.person, assignment)
    return assignments
