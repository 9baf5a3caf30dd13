"""Use cases of public notices (公示): post, withdraw, object, answer, and the progress of a record's notices.

Each service defines its `subject_kind`s and passes the content of a notice, with personal data masked.
The minimum number of days is the dated rule `notice_days.<level>` (财政部、农业农村部公告公示办法: 公示不少于 10 日).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shared.auth import May
from shared.db import new_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, RateLimited
from shared.events import Event, publish
from shared.files.uploads import require_files
from shared.notices import repository
from shared.notices.receipt import parse_receipt_number
from shared.notices.rules import NOTICE_DAYS, OBJECTION_DAYS_AFTER, OBJECTION_LIMITS
from shared.notices.schemas import (
    NoticeLevel,
    NoticePost,
    NoticeProgress,
    ObjectionAnswer,
    ObjectionChannel,
    ObjectionPost,
    PublicObjectionPost,
    count_days,
)
from shared.rules import Rule
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


class NoticePosted(Event):
    """A notice was posted."""

    topic = "notice.posted"
    notice_id: UUID
    subject_kind: str
    level: str
    starts_on: date
    ends_on: date


class NoticeWithdrawn(Event):
    """A notice was withdrawn before its last day."""

    topic = "notice.withdrawn"
    notice_id: UUID
    subject_kind: str
    level: str


class ObjectionRaised(Event):
    """An objection to a notice was recorded."""

    topic = "notice.objected"
    notice_id: UUID
    objection_id: UUID
    subject_kind: str


class ObjectionAnswered(Event):
    """An objection was answered."""

    topic = "notice.answered"
    notice_id: UUID
    objection_id: UUID
    subject_kind: str
    upheld: bool


@dataclass(frozen=True, slots=True)
class NoticeStep:
    """The step of a record that a level's notice belongs to: its publisher's permission, and the day the step began."""

    publisher: May | None = None
    begun_on: date | None = None


@dataclass(frozen=True, slots=True)
class NoticeSubject:
    """The record a notice is about; `steps` are the levels whose step has begun, the only ones that may be posted.

    `department` is the record's 主管部门: another line bureau posts nothing of it.
    """

    kind: str
    id: str
    region: str
    version: int
    title: str
    content: Mapping[str, Any]
    steps: Mapping[NoticeLevel, NoticeStep]
    department: str = ""


@dataclass(frozen=True, slots=True)
class NoticeStatus:
    """Progress of the latest notice of a level on a day, and its last day."""

    progress: NoticeProgress
    ends_on: date | None = None


async def list_notice_status(
    work: UnitOfWork, kind: str, subjects: Sequence[str], on: date | None = None
) -> dict[str, dict[NoticeLevel, NoticeStatus]]:
    """For each record: level → progress of its latest notice on a day (default today), in one query."""
    day = on or work.today
    by_subject: dict[str, dict[NoticeLevel, NoticeStatus]] = {subject: {} for subject in subjects}
    for subject, level, ends_on, unanswered, upheld in await repository.list_objection_counts(
        work, kind, subjects
    ):
        by_subject[subject][NoticeLevel(level)] = NoticeStatus(
            compute_progress(ends_on, day, unanswered, upheld), ends_on
        )
    return by_subject


def compute_notice_status(rows: Iterable[Any], on: date) -> dict[NoticeLevel, NoticeStatus]:
    """`list_notice_status` of one record, from rows of `build_objection_counts_query`."""
    return {
        NoticeLevel(row.level): NoticeStatus(
            compute_progress(row.ends_on, on, row.unanswered, row.upheld), row.ends_on
        )
        for row in rows
    }


async def get_notice_status(
    work: UnitOfWork, kind: str, subject: str, on: date | None = None
) -> dict[NoticeLevel, NoticeStatus]:
    """`list_notice_status` for one record; a level without a notice is absent."""
    return (await list_notice_status(work, kind, [subject], on))[subject]


def first_blocking_notice(
    status_by_level: Mapping[NoticeLevel, NoticeStatus], *levels: NoticeLevel
) -> FieldError | None:
    """The error for the first of these levels whose notice is not over without upheld objection, or None."""
    for level in levels:
        status = status_by_level.get(level, NoticeStatus(NoticeProgress.NONE))
        if status.progress is not NoticeProgress.OVER:
            until = f", 至 {status.ends_on} 期满" if status.progress is NoticeProgress.RUNNING else ""
            return FieldError(
                f"notice_{status.progress}",
                f"{level.label}: {status.progress.label}{until}",
                f"The {level} notice is {status.progress}",
            )
    return None


def compute_progress(ends_on: date, day: date, unanswered: int, upheld: int) -> NoticeProgress:
    """Progress of a notice on a day, from its last day and the numbers of unanswered and upheld objections."""
    if unanswered:
        return NoticeProgress.OBJECTED
    if upheld:
        return NoticeProgress.UPHELD
    return NoticeProgress.OVER if day > ends_on else NoticeProgress.RUNNING


async def post_notice(work: UnitOfWork, subject: NoticeSubject, body: NoticePost) -> UUID:
    """Post a notice and return its id.

    Invalid for too few days or a missing proof, Conflict for a step that has not begun or an overlapping notice,
    Forbidden for another than the level's publisher.
    """
    _require_step(work, subject, body)
    rule = await work.get_rule(NOTICE_DAYS[body.level], on=body.starts_on, region=subject.region)
    ends_on = _end_date(body, rule)
    await _require_proof(work, body)
    notice_id = body.id or new_id()
    for row in await repository.list_by_subject(work, subject.kind, subject.id):
        if row.id == notice_id:
            return notice_id
        if row.level == body.level and row.withdrawn_at is None and row.ends_on >= body.starts_on:
            raise Conflict(f"已有{body.level.label}至 {row.ends_on}", "This level is already on notice")
    await repository.insert_notice(
        work,
        id=notice_id,
        subject_kind=subject.kind,
        subject=subject.id,
        region=subject.region,
        level=body.level.value,
        title=body.title or f"{subject.title}{body.level.label}",
        content={**subject.content, **({"remark": body.remark} if body.remark else {})},
        places=body.places,
        hotline=body.hotline,
        starts_on=body.starts_on,
        ends_on=ends_on,
        photo=body.photo,
        posted_by=work.actor.id,
        posted_at=work.at,
        rule_version=rule.ref,
    )
    event = NoticePosted(
        notice_id=notice_id,
        subject_kind=subject.kind,
        level=body.level,
        starts_on=body.starts_on,
        ends_on=ends_on,
    )
    await _publish_event(work, event, subject.id, subject.region, subject.version)
    return notice_id


def _require_step(work: UnitOfWork, subject: NoticeSubject, body: NoticePost) -> None:
    step = subject.steps.get(body.level)
    if step is None:
        can_be = "、".join(level.label for level in subject.steps) or "无"
        raise Conflict(
            f"现在不能发布{body.level.label}; 现在可以: {can_be}", f"No {body.level} notice can be posted now"
        )
    if step.publisher is not None:
        work.actor.require(step.publisher, subject.region, department=subject.department)
    if step.begun_on is not None and body.starts_on < step.begun_on:
        detail = f"{body.level.label}的环节 {step.begun_on} 才开始, 公示不能早于这一天"
        raise Invalid(
            detail,
            f"The step began on {step.begun_on}",
            errors=[FieldError("before_step", detail, f"the step began on {step.begun_on}", "/starts_on")],
        )


async def _require_proof(work: UnitOfWork, body: NoticePost) -> None:
    if body.photo:
        await require_files(work, [body.photo], "/photo")
    elif body.starts_on < work.today:
        detail = f"公示自 {body.starts_on} 起, 现在补录, 须附公示栏照片或公示文件"
        raise Invalid(
            detail,
            "A notice entered afterwards needs a photo of the board",
            errors=[FieldError("no_proof", detail, "a notice entered afterwards needs its proof", "/photo")],
        )


def _end_date(body: NoticePost, rule: Rule[int]) -> date:
    min_days = rule.value
    ends_on = body.ends_on or body.starts_on + timedelta(days=min_days - 1)
    if count_days(body.starts_on, ends_on) < min_days:
        detail = f"{body.level.label}不得少于 {min_days} 天({rule.basis})"
        raise Invalid(
            detail,
            f"At least {min_days} days",
            errors=[FieldError("notice_too_short", detail, f"at least {min_days} days", "/ends_on")],
        )
    return ends_on


async def withdraw_notice(work: UnitOfWork, row: sa.Row[Any], reason: str) -> None:
    """Withdraw a notice; Conflict when it is withdrawn already."""
    if row.withdrawn_at is not None:
        raise Conflict("公示已撤回", "Already withdrawn")
    await repository.update_withdrawal(work, row.id, reason, work.at)
    event = NoticeWithdrawn(notice_id=row.id, subject_kind=row.subject_kind, level=row.level)
    await _publish_event(work, event, row.subject, row.region, row.version + 1, reason)


async def raise_objection(work: UnitOfWork, row: sa.Row[Any], body: ObjectionPost) -> UUID:
    """Record an objection; until it is answered it blocks every transition that needs this notice."""
    raised_at = body.raised_at or work.at
    if row.withdrawn_at is not None:
        raise Conflict("公示已撤回", "The notice was withdrawn")
    if raised_at > work.at:
        raise Invalid("异议时间不能晚于现在", "raised_at is in the future")
    await _require_period(work, row, raised_at)
    objection_id = body.id or new_id()
    await repository.insert_objection(
        work,
        id=objection_id,
        notice_id=row.id,
        text=body.text,
        channel=body.channel.value,
        raised_by=work.actor.id,
        raised_at=raised_at,
    )
    event = ObjectionRaised(notice_id=row.id, objection_id=objection_id, subject_kind=row.subject_kind)
    await _publish_event(work, event, row.subject, row.region, row.version)
    return objection_id


async def _require_period(work: UnitOfWork, row: sa.Row[Any], raised_at: datetime) -> None:
    days_after = (await work.get_rule(OBJECTION_DAYS_AFTER, on=row.starts_on, region=row.region)).value
    last = row.ends_on + timedelta(days=days_after)
    if not row.starts_on <= raised_at.astimezone(CHINA_TIME_ZONE).date() <= last:
        raise Conflict(
            f"异议期为 {row.starts_on} 至 {last}, 不在期内",
            f"Objections are taken from {row.starts_on} to {last}",
            next_step="请拨打监督电话 12317 反映",
        )


async def raise_public_objection(work: UnitOfWork, row: sa.Row[Any], body: PublicObjectionPost) -> UUID:
    """Record an objection of somebody without sign-in, within the period of objections and the rule objection.limits.

    The same id with the same text is the same objection. RateLimited above the limits, Conflict outside the period.
    """
    objection_id = body.id or new_id()
    for objection in await repository.list_objections(work, [row.id]):
        if objection.id == objection_id and objection.text == body.text:
            return objection_id
    limits = (await work.get_rule(OBJECTION_LIMITS, region=row.region)).value
    by_sender, by_notice = await repository.system_count_public_objections(work, work.actor.id, row.id)
    if by_sender >= limits.per_sender_hour or by_notice >= limits.per_notice_day:
        raise RateLimited(
            "网上提出异议的次数太多, 请一小时后再来, 或拨打监督电话 12317",
            "Too many objections",
            headers={"Retry-After": "3600"},
        )
    return await raise_objection(
        work,
        row,
        ObjectionPost(id=objection_id, text=body.text, channel=ObjectionChannel.ONLINE, raised_at=None),
    )


async def find_objection_by_number(work: UnitOfWork, number: str) -> sa.Row[Any]:
    """The objection with this receipt number, and its notice's title; NotFound when there is none."""
    parsed = parse_receipt_number(number)
    rows = await repository.system_list_objections_between(work, parsed.low, parsed.high) if parsed else []
    for row in rows:
        if parsed is not None and parsed.matches(row.id):
            return row
    raise NotFound("没有这个编号的异议, 请核对后再查", "No objection has this number")


async def answer_objection(
    work: UnitOfWork,
    row: sa.Row[Any],
    objection_id: UUID,
    body: ObjectionAnswer,
    authors: repository.SubjectAuthors | None,
) -> None:
    """Answer an objection once; Forbidden for who recorded it, made the record it is about, or published the notice."""
    objection = await repository.get_objection(work, row.id, objection_id)
    if objection.answered_at is not None:
        raise Conflict("异议已答复", "Already answered")
    if work.actor.is_same_person(objection.raised_by):
        raise Forbidden("不能答复本人登记的异议", "Four eyes: another person must answer")
    if work.actor.is_same_person(*await repository.list_authors(work, authors, row)):
        raise Forbidden(
            "不能答复对本人编制、申报或发布的事项提出的异议, 须由另一人答复",
            "Four eyes: who drafted, declared or published it does not decide the objection",
        )
    await repository.update_objection(
        work,
        objection_id,
        answer=body.answer,
        upheld=body.upheld,
        answered_by=work.actor.id,
        answered_at=work.at,
    )
    event = ObjectionAnswered(
        notice_id=row.id, objection_id=objection_id, subject_kind=row.subject_kind, upheld=body.upheld
    )
    await _publish_event(work, event, row.subject, row.region, row.version)


async def _publish_event(
    work: UnitOfWork, event: Event, subject: str, region: str, version: int, reason: str = ""
) -> None:
    await publish(
        work.session,
        event,
        actor=work.actor,
        subject=subject,
        version=version,
        region=region,
        at=work.at,
        reason=reason,
    )
