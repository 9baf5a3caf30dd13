"""Every query of the DingTalk addresses."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import col, select

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.kinds import DayResult
from services.attendance.days.models import AttendanceDay
from services.attendance.repository import seen
from services.attendance.reviews.models import Review
from shared.permissions import May
from shared.work import Work

MAY = May.PRESENCE_EXCHANGE
MOST = 5000


async def worked(work: Work, persons: Sequence[str], first: date, last: date) -> list[CheckIn]:
    """Check-ins of persons that belong to these days."""
    query = select(CheckIn).where(
        col(CheckIn.person).in_(persons),
        col(CheckIn.work_date).between(first, last),
        seen(work, CheckIn, MAY),
    )
    return list(await work.session.exec(query.limit(MOST)))


async def punched(work: Work, persons: Sequence[str], since: datetime, until: datetime) -> list[CheckIn]:
    """Check-ins of persons at these instants."""
    query = select(CheckIn).where(
        col(CheckIn.person).in_(persons),
        col(CheckIn.taken_at).between(since, until),
        seen(work, CheckIn, MAY),
    )
    return list(await work.session.exec(query.order_by(col(CheckIn.taken_at), col(CheckIn.id)).limit(MOST)))


async def unsigned(work: Work, persons: Sequence[str], first: date, last: date) -> list[AttendanceDay]:
    """Days that were worked and on which nothing was recorded."""
    query = select(AttendanceDay).where(
        col(AttendanceDay.person).in_(persons),
        col(AttendanceDay.work_date).between(first, last),
        AttendanceDay.result == DayResult.UNEXPLAINED,
        seen(work, AttendanceDay, MAY),
    )
    return list(await work.session.exec(query.limit(MOST)))


async def reviews(
    work: Work, persons: Sequence[str], first: date, last: date
) -> dict[tuple[str, date], Review]:
    """Reviews of persons' days."""
    query = select(Review).where(
        col(Review.person).in_(persons), col(Review.work_date).between(first, last), seen(work, Review, MAY)
    )
    return {(one.person, one.work_date): one for one in await work.session.exec(query)}
