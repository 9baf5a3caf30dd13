"""Every query about reviews that is not one record or one page."""

from sqlmodel import col, select

from services.attendance.check_ins.models import CheckIn
from services.attendance.repository import seen
from services.attendance.reviews.models import Review
from shared.work import Work


async def check_ins(work: Work, review: Review) -> list[CheckIn]:
    """The check-ins of the day under review, within what the caller sees."""
    query = select(CheckIn).where(
        CheckIn.person == review.person, CheckIn.work_date == review.work_date, seen(work, CheckIn)
    )
    return list(await work.session.exec(query.order_by(col(CheckIn.taken_at)).limit(200)))
