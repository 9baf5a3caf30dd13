"""One's own month: sums, every day with its reason, reviews and objections beside it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from services.attendance.complaints import repository as complaints
from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.complaints.schemas import ObjectionRead
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayRead
from services.attendance.months.service import sheet
from services.attendance.own import repository
from services.attendance.own.schemas import OwnDay, OwnMonth
from services.attendance.policy import calendar
from services.attendance.reviews.models import Review
from services.attendance.stationed import home
from shared.work import Work
from shared.workdays import each_day, is_workday, month_span


async def month(work: Work, asked: str) -> OwnMonth:
    """The caller's month as it stands now; days that have not come yet are only counted."""
    first, last = month_span(asked)
    region = await home(work, work.actor.id, min(max(work.today, first), last))
    whole = await sheet(work, region, asked, "person")
    rows = await repository.days(work, first, last)
    reviews = await repository.reviews(work, first, last)
    objections: dict[date, list[Complaint]] = defaultdict(list)
    for one in await complaints.objections(work, work.actor.id, first, last):
        if one.work_date is not None:
            objections[one.work_date].append(one)
    changes = await calendar(work, region)
    ahead = [on for on in each_day(first, last) if on > work.today and is_workday(on, changes=changes)]
    return OwnMonth(
        person=work.actor.id,
        month=asked,
        region=region,
        rule_ref=whole.rule_ref,
        state=whole.state,
        signed_by=whole.signed_by,
        tally=next((row for row in whole.rows if row.key == work.actor.id), None),
        days=[_day(row, reviews.get(row.work_date), objections[row.work_date]) for row in rows],
        to_come=len(ahead),
    )


def _day(row: AttendanceDay, review: Review | None, objections: Sequence[Complaint]) -> OwnDay:
    return OwnDay(
        **DayRead.model_validate(row).model_dump(),
        review=_said(review) if review else "",
        objections=[ObjectionRead.model_validate(one) for one in objections],
        may_object=not any(one.state is ComplaintState.OPEN for one in objections),
    )


def _said(review: Review) -> str:
    odd = "、".join(dict.fromkeys(one["words"] for one in review.oddities))
    return f"{review.state.label}({odd})" + (f": {review.reason}" if review.reason else "")
