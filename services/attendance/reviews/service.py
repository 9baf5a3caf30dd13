"""Deciding about odd evidence, and correcting what was missed."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.check_ins.judging import work_date
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import CheckInRead, Result, Source
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, days, inform
from services.attendance.policy import Limits, ruled
from services.attendance.posts.repository import stations
from services.attendance.reviews import repository
from services.attendance.reviews.lifecycle import REVIEW, ReviewAction, ReviewFacts
from services.attendance.reviews.models import Review
from services.attendance.reviews.schemas import Correction, ReviewDetail, ReviewRead
from shared.contracts.attendance import CheckInCorrected, ReviewMoved
from shared.creates import create
from shared.errors import Fault, Forbidden, Invalid, NotFound
from shared.http import Match
from shared.moves import Act, Preview, fire, offers
from shared.permissions import May
from shared.work import CHINA, Work


async def detail(work: Work, review_id: UUID) -> ReviewDetail:
    """A review with the check-ins it is about."""
    review = await records.get(work, Review, review_id, "这条复核")
    rows = await repository.check_ins(work, review)
    return ReviewDetail(
        **ReviewRead.model_validate(review).model_dump(),
        check_ins=[CheckInRead.model_validate(row) for row in rows],
        available_actions=offers(work, REVIEW, review, ReviewFacts()),
    )


async def act(
    work: Work, review_id: UUID, action: ReviewAction, body: Act, *, match: Match, dry_run: bool
) -> Preview | Review:
    """Decide with a reason, or open again; the day is reckoned anew from the event."""
    review = await records.get(work, Review, review_id, "这条复核", lock=True)
    preview = await fire(
        work,
        REVIEW,
        review,
        action,
        ReviewFacts(body.reason),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: ReviewMoved(
            person=review.person, work_date=review.work_date, was=was, now=now
        ),
    )
    if preview is not None:
        return preview
    review.decided_by = "" if action is ReviewAction.REOPEN else work.actor.id
    review.reason = body.reason
    on = days(review.work_date, review.work_date)
    words = f"{on}的打卡疑点: {work.actor.name}{action.label}{because(body.reason)}"
    await inform(work, review.person, MessageKind.REVIEW, review, words)
    work.session.add(review)
    return review


async def correct(work: Work, body: Correction) -> CheckIn:
    """A check-in recorded by a manager for somebody else, with the reason, never without a trace."""
    if body.person == work.actor.id:
        raise Forbidden("不能为本人更正", "Another person must")
    if body.taken_at > work.at:
        detail = "时间不能晚于现在"
        raise Invalid(detail, "In the future", faults=[Fault("in_the_future", detail, "", "/taken_at")])
    limits, rule = await ruled(work, "check_in.limits", Limits)
    if (work.at - body.taken_at).days >= limits.refused_after_days:
        raise Invalid(f"只能更正 {limits.refused_after_days} 天内的记录", "Too old")
    on = work_date(body.taken_at, limits)
    held = await stations(work, body.person, on, on)
    if not held:
        raise NotFound("当天没有派驻记录", "Not stationed that day")
    assignment, post = held[0]
    work.actor.require(May.PRESENCE_REVIEW, assignment.region)
    made, fresh = await create(
        work,
        CheckIn,
        body,
        region=assignment.region,
        id=body.id,
        person=body.person,
        sent_by=work.actor.id,
        kind=body.kind,
        source=Source.BOSS,
        work_date=on,
        taken_at=body.taken_at,
        received_at=work.at,
        post_id=post.id,
        flags=[],
        result=Result.APPLIED,
        rule_version=rule.ref,
        remark=body.reason,
    )
    if fresh:
        told = CheckInCorrected(person=made.person, work_date=on, kind=made.kind)
        await work.tell(told, made, reason=body.reason, happened_at=body.taken_at.astimezone(CHINA))
        words = f"{work.actor.name}为您补记了{days(on, on)}的在岗{because(body.reason)}"
        await inform(work, made.person, MessageKind.CORRECTION, made, words)
    return made
