"""Every query about one's own month that no other feature has."""

from datetime import date

from sqlmodel import col, select

from services.attendance.days.models import AttendanceDay
from services.attendance.repository import seen
from services.attendance.reviews.models import Review
from shared.work import Work


async def days(work: Work, first: date, last: date) -> list[AttendanceDay]:
    """The caller's own days of a time, in order."""
    query = select(AttendanceDay).where(
        AttendanceDay.person == work.actor.id,
        col(AttendanceDay.work_date).between(first, last),
        seen(work, AttendanceDay),
    )
    return list(await work.session.exec(query.order_by(col(AttendanceDay.work_date))))


async def reviews(work: Work, first: date, last: date) -> dict[date, Review]:
    """Reviews of the caller's own days of a time."""
    query = select(Review).where(
        Review.person == work.actor.id, col(Review.work_date).between(first, last), seen(work, Review)
    )
    return {one.work_date: one for one in await work.session.exec(query)}
