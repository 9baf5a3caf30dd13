"""Where somebody belongs on a day: the village of their posting, else the region of their own role."""

from datetime import date

from services.attendance.posts.repository import stations
from shared.work import Work


async def home(work: Work, person: str, on: date) -> str:
    """The region of the person's posting that day; for the caller without one, the region of their role."""
    for assignment, _ in await stations(work, person, on, on):
        return assignment.region
    return next((grant.region for grant in work.actor.grants), work.context.settings.district)
