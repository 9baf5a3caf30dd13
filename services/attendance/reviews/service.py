"""Reviews: opened and closed with the anomalies of a day, decided only by a person; corrections by a manager."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.check_ins.calculation import resolve_work_date
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import CheckInRead, CheckInSource, Result
from services.attendance.fields import get_district
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import CHECK_IN_LIMITS
from services.attendance.posts.repository import list_person_assignments
from services.attendance.posts.service import get_person_region
from services.attendance.reviews import repository
from services.attendance.reviews.calculation import Anomaly
from services.attendance.reviews.lifecycle import REVIEW, ReviewAction, ReviewFacts, ReviewState
from services.attendance.reviews.models import Review
from services.attendance.reviews.schemas import Correction, ReviewDetail, ReviewRead
from shared.auth import May
from shared.china import to_local_date
from shared.clients.attendance import CheckInCorrected, ReviewMoved
from shared.db import new_id
from shared.errors import FieldError, Forbidden, Invalid, NotFound
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
)
from shared.records import create_record, insert_record, save_record, touch_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

AnomalyRecords = list[dict[str, Any]]
SETTLED_REASON = "当天其他记录已足以认定"


async def sync_review(
    work: UnitOfWork,
    assignment: Any,  # noqa: ANN401 - a row of `system_list_assignments`
    on: date,
    anomalies: Sequence[Anomaly],
    reviews: dict[tuple[str, date], Review],
    rule: str,
) -> bool:
    """Brings the day's review in line with its anomalies; returns True if the review changed."""
    review = reviews.get((assignment.person, on))
    if review is None and not anomalies:
        return False
    anomaly_records: AnomalyRecords = [
        {
            "kind": anomaly.kind,
            "words": anomaly.words,
            "check_ins": [str(i) for i in anomaly.check_ins],
            "rule": rule,
        }
        for anomaly in anomalies
    ]
    if review is None:
        reviews[assignment.person, on] = await _open_review(work, assignment, on, anomaly_records)
        return True
    kinds = {anomaly["kind"] for anomaly in review.oddities}
    if review.state is ReviewState.OPEN:
        return await _update_open_review(work, review, anomaly_records)
    new_records = [record for record in anomaly_records if record["kind"] not in kinds]
    if not new_records:
        return False
    review.oddities = [*review.oddities, *new_records]
    return await _set_state(work, review, ReviewState.OPEN, "出现新的疑点")


async def get_review_detail(work: UnitOfWork, review_id: UUID) -> ReviewDetail:
    """Returns a review with its check-ins and available actions."""
    review = await records.get_record(work, Review, review_id, "这条复核")
    rows = await repository.list_check_ins(work, review)
    return ReviewDetail(
        **ReviewRead.model_validate(review).model_dump(),
        check_ins=[CheckInRead.model_validate(row) for row in rows],
        available_actions=available_actions(work, REVIEW, review, _build_facts(work, rows)),
    )


async def transition_review(
    work: UnitOfWork,
    review_id: UUID,
    action: ReviewAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Review:
    """Accepts, rejects or reopens a review with a reason; the day is evaluated again from the event."""
    review = await records.get_record(work, Review, review_id, "这条复核", lock=True)
    preview = await apply_transition(
        work,
        REVIEW,
        review,
        action,
        _build_facts(work, await repository.list_check_ins(work, review), body.reason),
        request=body,
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
    on = format_days(review.work_date, review.work_date)
    text = f"{on}的打卡疑点: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, review.person, MessageKind.REVIEW, review, text)
    work.session.add(review)
    return review


def _build_facts(work: UnitOfWork, check_ins: Sequence[CheckIn], reason: str = "") -> ReviewFacts:
    imported = [row.created_by for row in check_ins if row.source is CheckInSource.SYSTEM]
    return ReviewFacts(reason, imported_by_caller=work.actor.is_same_person(*imported))


async def create_correction(work: UnitOfWork, body: Correction) -> CheckIn:
    """Inserts a check-in for another person (source BOSS) with the reason.

    Raises Forbidden for the caller's own, Invalid for the future or past the limit, NotFound without an assignment.
    """
    if work.actor.is_same_person(body.person):
        raise Forbidden("不能为本人更正", "Another person must")
    if body.taken_at > work.at:
        detail = "时间不能晚于现在"
        raise Invalid(detail, "In the future", errors=[FieldError("in_the_future", detail, "", "/taken_at")])
    local_day = to_local_date(body.taken_at)
    region = await get_person_region(work, body.person, local_day)
    most_days = (await work.get_rule(CHECK_IN_LIMITS, region=get_district(region))).value.refused_after_days
    if (work.at - body.taken_at).days >= most_days:
        raise Invalid(f"只能更正 {most_days} 天内的记录", "Too old")
    rule = await work.get_rule(CHECK_IN_LIMITS, region=get_district(region), on=local_day)
    on = resolve_work_date(body.taken_at, rule.value)
    assignments = await list_person_assignments(work, body.person, on, on)
    if not assignments:
        raise NotFound("当天没有派驻记录", "Not stationed that day")
    assignment, post = assignments[0]
    work.actor.require(May.PRESENCE_REVIEW, assignment.region)
    check_in, is_new = await create_record(
        work,
        CheckIn,
        body,
        event=lambda check_in: CheckInCorrected(person=check_in.person, work_date=on, kind=check_in.kind),
        event_reason=body.reason,
        event_time=body.taken_at.astimezone(CHINA_TIME_ZONE),
        region=assignment.region,
        id=body.id,
        person=body.person,
        sent_by=work.actor.id,
        kind=body.kind,
        source=CheckInSource.BOSS,
        work_date=on,
        taken_at=body.taken_at,
        received_at=work.at,
        post_id=post.id,
        flags=[],
        result=Result.APPLIED,
        rule_version=rule.ref,
        remark=body.reason,
    )
    if is_new:
        text = f"{work.actor.name}为您补记了{format_days(on, on)}的在岗{format_reason(body.reason)}"
        await send_message(work, check_in.person, MessageKind.CORRECTION, check_in, text)
    return check_in


async def _open_review(
    work: UnitOfWork,
    assignment: Any,  # noqa: ANN401 - as in sync_review
    on: date,
    anomaly_records: AnomalyRecords,
) -> Review:
    """Inserts an open review and tells the person."""
    review = Review(
        id=new_id(),
        region=assignment.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        person=assignment.person,
        person_name=assignment.person_name,
        work_date=on,
        oddities=anomaly_records,
        state=ReviewState.OPEN,
        state_since=work.at,
    )
    event = ReviewMoved(person=review.person, work_date=on, was="", now=ReviewState.OPEN)
    await insert_record(work, review, event)
    summary = "、".join(dict.fromkeys(record["words"] for record in anomaly_records))
    text = f"{format_days(on, on)}的打卡有疑点, 由人复核: {summary}. 如与实际不符, 可在本人月表对当天提出异议"
    await send_message(work, review.person, MessageKind.REVIEW, review, text)
    return review


async def _update_open_review(work: UnitOfWork, review: Review, anomaly_records: AnomalyRecords) -> bool:
    """Replaces the anomalies of an open review; without any, accepts it as settled by other records."""
    if not anomaly_records:
        return await _set_state(work, review, ReviewState.ACCEPTED, SETTLED_REASON)
    if [_get_dedup_key(record) for record in anomaly_records] == [
        _get_dedup_key(anomaly) for anomaly in review.oddities
    ]:
        return False
    review.oddities = anomaly_records
    touch_record(work, review)
    return True


def _get_dedup_key(record: dict[str, Any]) -> tuple[str, str]:
    """Returns the part of an anomaly record by which two are the same."""
    return str(record["kind"]), str(record["check_ins"])


async def _set_state(work: UnitOfWork, review: Review, now: ReviewState, reason: str) -> bool:
    """Changes the state without a person's decision and publishes the event."""
    was, review.state, review.state_since = review.state, now, work.at
    review.reason, review.decided_by = reason, "" if now is ReviewState.OPEN else work.actor.id
    event = ReviewMoved(person=review.person, work_date=review.work_date, was=was, now=now)
    await save_record(work, review, event, before={"state": was}, reason=reason)
    return True
