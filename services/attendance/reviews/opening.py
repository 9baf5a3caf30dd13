"""Reviews open themselves when something is odd, close themselves when nothing is, and never decide anything."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import days, inform
from services.attendance.reviews.evidence import Odd
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from shared.contracts.attendance import ReviewMoved
from shared.ids import new_id
from shared.work import Work

Oddities = list[dict[str, Any]]
SETTLED = "当天其他记录已足以认定"


async def keep(
    work: Work,
    posting: Any,  # noqa: ANN401 - a row of days/repository.py
    on: date,
    odd: Sequence[Odd],
    known: dict[tuple[str, date], Review],
    rule: str,
) -> bool:
    """Bring the day's review in line with what is odd now; whether anything changed."""
    review = known.get((posting.person, on))
    if review is None and not odd:
        return False
    listed: Oddities = [
        {"kind": one.kind, "words": one.words, "check_ins": [str(i) for i in one.check_ins], "rule": rule}
        for one in odd
    ]
    if review is None:
        known[posting.person, on] = await _opened(work, posting, on, listed)
        return True
    kinds = {one["kind"] for one in review.oddities}
    if review.state is ReviewState.OPEN:
        return await _update(work, review, listed)
    fresh = [one for one in listed if one["kind"] not in kinds]
    if not fresh:
        return False
    review.oddities = [*review.oddities, *fresh]
    return await _moved(work, review, ReviewState.OPEN, "出现新的疑点")


async def _opened(work: Work, posting: Any, on: date, listed: Oddities) -> Review:  # noqa: ANN401 - the same
    review = Review(
        id=new_id(),
        region=posting.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        person=posting.person,
        person_name=posting.person_name,
        work_date=on,
        oddities=listed,
        state=ReviewState.OPEN,
        state_since=work.at,
    )
    work.session.add(review)
    told = ReviewMoved(person=review.person, work_date=on, was="", now=ReviewState.OPEN)
    await work.tell(told, review)
    about = "、".join(dict.fromkeys(one["words"] for one in listed))
    words = f"{days(on, on)}的打卡有疑点, 由人复核: {about}. 如与实际不符, 可在本人月表对当天提出异议"
    await inform(work, review.person, MessageKind.REVIEW, review, words)
    return review


async def _update(work: Work, review: Review, listed: Oddities) -> bool:
    if not listed:
        return await _moved(work, review, ReviewState.ACCEPTED, SETTLED)
    if [_mark(one) for one in listed] == [_mark(one) for one in review.oddities]:
        return False
    review.oddities = listed
    review.version, review.updated_at = review.version + 1, work.at
    work.session.add(review)
    return True


def _mark(one: dict[str, Any]) -> tuple[str, str]:
    return str(one["kind"]), str(one["check_ins"])


async def _moved(work: Work, review: Review, now: ReviewState, reason: str) -> bool:
    was, review.state, review.state_since = review.state, now, work.at
    review.reason, review.decided_by = reason, "" if now is ReviewState.OPEN else work.actor.id
    review.version, review.updated_at = review.version + 1, work.at
    work.session.add(review)
    told = ReviewMoved(person=review.person, work_date=review.work_date, was=was, now=now)
    await work.tell(told, review, before={"state": was}, reason=reason)
    return True
