"""Queries on the persons who can be drawn."""

from datetime import date

from sqlmodel import col, select

from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.posts.models import Assignment
from services.attendance.spot_checks.models import DrawnPerson
from services.attendance.spot_checks.schemas import Outcome
from services.attendance.sql_conditions import overlaps_days
from shared.auth import May
from shared.unit_of_work import UnitOfWork


async def find_eligible_assignments(work: UnitOfWork, region: str, on: date) -> dict[str, Assignment]:
    """Returns person → first assignment that day, for persons not on approved leave, an open errand or asked already, sorted by person."""
    on_leave = select(Leave.person).where(Leave.state == LeaveState.APPROVED, overlaps_days(Leave, on, on))
    on_errand = select(Errand.person).where(
        col(Errand.state).in_((ErrandState.REPORTED, ErrandState.ACKNOWLEDGED)), overlaps_days(Errand, on, on)
    )
    asked = select(DrawnPerson.person).where(
        DrawnPerson.work_date == on, DrawnPerson.outcome == Outcome.PENDING, DrawnPerson.closes_at > work.at
    )
    query = select(Assignment).where(
        work.within_region(col(Assignment.region), region),
        work.actor.scope_filter(May.SPOT_CHECK, col(Assignment.region)),
        overlaps_days(Assignment, on, on),
        col(Assignment.person).not_in(on_leave),
        col(Assignment.person).not_in(on_errand),
        col(Assignment.person).not_in(asked),
    )
    assignments: dict[str, Assignment] = {}
    for assignment in await work.session.exec(query.order_by(col(Assignment.person), col(Assignment.id))):
        assignments.setdefault(assignment.person, assignment)
    return assignments
