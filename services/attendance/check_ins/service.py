"""Evaluation and storage of check-ins of several requests in one transaction; one request's errors do not affect another."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance.check_ins import repository
from services.attendance.check_ins.calculation import (
    CheckInEvaluation,
    CheckInRow,
    build_row,
    correct_clock,
    evaluate_check_in,
    resolve_work_date,
)
from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import (
    CheckInDetail,
    CheckInPlace,
    CheckInPost,
    CheckInRead,
    CheckInResult,
    Result,
)
from services.attendance.fields import get_district
from services.attendance.policy import CHECK_IN_LIMITS, CHECK_IN_SWITCHES, CheckInLimits, CheckInSwitches
from services.attendance.posts import assignment_cache
from services.attendance.posts.assignment_cache import AssignmentQuery, CachedAssignment
from shared.auth import Actor, May
from shared.china import to_local_date
from shared.errors import ApiError, FieldError, FieldErrorRead, Forbidden
from shared.files import uploads
from shared.http import to_field_errors
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

COUNTS_KEY = "check_in_counts"
MAX_COUNTED_DAYS = 100_000
"""Person-days counted in memory; above this the counts start again."""
MAX_CLOCK_AHEAD = timedelta(days=1)
"""Check-ins dated further ahead are refused: their day is not evaluated yet."""
FIELD_LABELS = {
    "id": "编号",
    "kind": "打卡类型",
    "taken_at": "打卡时间",
    "fix": "定位",
    "sent_at": "发送时间",
    "mock": "模拟定位",
    "device": "手机标识",
    "photo": "照片",
    "remark": "说明",
}
FULL_SENTENCE_CODES = frozenset(
    {"id_taken", "too_old", "ahead", "photo_off", "check_in_off", "no_such_file", "too_many"}
)
"""Error codes whose detail is a full sentence; others get the field's name in front."""
_BLANK_RESULT = CheckInResult(id="", result=Result.APPLIED, result_label="", words="")
"""Copied for each result, which takes a quarter of the time of making one."""
CheckInItems = Sequence[dict[str, Any] | CheckInPost]
InsertCheckIns = Callable[[Sequence[tuple[CheckInRow, Actor]]], Awaitable[Collection[UUID]]]
"""Inserts rows and their events, all or nothing; returns the ids that were new."""
FindDigests = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, tuple[str, str]]]]
"""Returns id → (digest, person) of existing check-ins."""


@dataclass(frozen=True, slots=True)
class EvaluatedItem:
    """A well-formed item, its evaluation and the row to insert."""

    check_in: CheckInPost
    evaluation: CheckInEvaluation
    row: CheckInRow


@dataclass(frozen=True, slots=True)
class DayRules:
    """What holds for the check-ins of one day: switches, limits, and the version of the limits."""

    switches: CheckInSwitches
    limits: CheckInLimits
    ref: str


@dataclass(slots=True)
class Submission:
    """One request with its sender and time, and later its results or the error that refuses it."""

    actor: Actor
    at: datetime
    items: CheckInItems
    parsed_items: list[CheckInPost | CheckInResult] = field(default_factory=list)
    evaluated_items: dict[int, EvaluatedItem] = field(default_factory=dict)
    results: list[CheckInResult] = field(default_factory=list)
    refusal: ApiError | None = None
    limits: CheckInLimits | None = None
    rules: dict[date, DayRules] = field(default_factory=dict)
    """Rules of the days that its items are of."""
    sent: dict[UUID, CheckInPost] = field(default_factory=dict)
    """Check-ins whose clock was corrected, as they were sent."""

    @property
    def is_accepted(self) -> bool:
        """True while no error refuses the submission."""
        return self.refusal is None


async def evaluate_submissions(
    work: UnitOfWork, submissions: Sequence[Submission], query_assignments: AssignmentQuery | None = None
) -> None:
    """Parses and evaluates check-ins of the senders themselves; writes nothing.

    Statements: one for assignments that are not cached (through `query_assignments` if given), more only for photos.
    A submission that the rules refuse (Forbidden where own check-in is off, attendance.md E.6) affects no other.
    """
    for submission in submissions:
        try:
            await _parse_submission(
                UnitOfWork(work.session, submission.actor, submission.at, work.context), submission
            )
        except ApiError as refusal:
            submission.refusal = refusal
    accepted = [submission for submission in submissions if submission.is_accepted]
    if not accepted:
        return
    max_age_days = max(submission.limits.refused_after_days for submission in accepted if submission.limits)
    since = work.today - timedelta(days=max_age_days + 1)
    persons = {submission.actor.id for submission in accepted}
    assignments = await assignment_cache.find_assignments(
        work.context, work.session, persons, since, work.at, query_assignments
    )
    for submission in accepted:
        home = submission.actor.home_region or work.context.settings.district
        try:
            _evaluate_submission(submission, assignments[submission.actor.id], home)
        except ApiError as refusal:
            submission.refusal = refusal
    await _refuse_excess(work, [submission for submission in submissions if submission.is_accepted])


async def write_submissions(
    submissions: Sequence[Submission], insert: InsertCheckIns, digests: FindDigests
) -> None:
    """Inserts new check-ins in one transaction, then fills in the results: applied, held, duplicate or refused.

    Statements: one for rows and log; one more if ids are repeated.
    """
    accepted = [submission for submission in submissions if submission.is_accepted]
    items_by_id: dict[UUID, EvaluatedItem] = {}
    actors: dict[UUID, Actor] = {}
    for submission in accepted:
        for item in submission.evaluated_items.values():
            if items_by_id.setdefault(item.check_in.id, item) is item:
                actors[item.check_in.id] = submission.actor
    new_ids: Collection[UUID] = ()
    stored_digests: Mapping[UUID, tuple[str, str]] = {}
    if items_by_id:
        new_ids = await insert([(item.row, actors[check_in_id]) for check_in_id, item in items_by_id.items()])
        repeated_ids = [check_in_id for check_in_id in items_by_id if check_in_id not in new_ids]
        stored_digests = await digests(repeated_ids) if repeated_ids else {}
    for submission in accepted:
        submission.results = [
            item
            if isinstance(item, CheckInResult)
            else _build_result(submission.evaluated_items[id(item)], items_by_id, new_ids, stored_digests)
            for item in submission.parsed_items
        ]


def build_refused_result(identifier: str, errors: Sequence[FieldError]) -> CheckInResult:
    """Returns the result of an item that is not accepted, with its errors."""
    return CheckInResult(
        id=identifier[:64],
        result=Result.REFUSED,
        result_label=Result.REFUSED.label,
        words="; ".join(_describe_error(error) for error in errors),
        errors=[
            FieldErrorRead(pointer=error.pointer, code=error.code, detail=error.detail) for error in errors
        ],
    )


def build_detail(work: UnitOfWork, check_in: CheckIn) -> CheckInDetail:
    """Returns a check-in with its place, if it is the caller's own or theirs to review (个人信息保护法 第四十五条)."""
    may_see = work.actor.is_same_person(check_in.person) or work.actor.has_access(
        May.PRESENCE_REVIEW, check_in.region
    )
    place = None
    if may_see and check_in.lon is not None and check_in.lat is not None:
        place = CheckInPlace(lon=check_in.lon, lat=check_in.lat, coarse=check_in.coarse, fix=check_in.fix)
    return CheckInDetail(**CheckInRead.model_validate(check_in).model_dump(), place=place)


async def _parse_submission(work: UnitOfWork, submission: Submission) -> None:
    """Parses the items, each by the rules of its day. Raises Forbidden where own check-in is off on all their days."""
    region = submission.actor.home_region or work.context.settings.district
    district = get_district(region)
    today = await _get_day_rules(work, submission, district, work.today)
    submission.limits = today.limits
    parsed: list[CheckInPost | CheckInResult] = []
    off: set[int] = set()
    for at, item in enumerate(submission.items):
        check_in = _parse_item(item)
        if isinstance(check_in, CheckInPost):
            corrected = correct_clock(check_in, today.limits, work.at)
            if corrected is not check_in:
                submission.sent[check_in.id] = check_in
            day = corrected.taken_at.astimezone(CHINA_TIME_ZONE).date()
            rules = await _get_day_rules(work, submission, district, day)
            if not rules.switches.own_check_in:
                off.add(at)
            check_in = _check_item(corrected, rules, work.at)
        parsed.append(check_in)
    if len(off) == len(parsed):
        raise Forbidden(today.switches.switched_off_message, "Check-in is switched off here")
    submission.parsed_items = await _refuse_missing_photos(work, parsed)


async def _get_day_rules(work: UnitOfWork, submission: Submission, district: str, day: date) -> DayRules:
    """Returns switches and limits of a day in the sender's district."""
    if day not in submission.rules:
        switches = (await work.get_rule(CHECK_IN_SWITCHES, on=day, region=district)).value
        rule = await work.get_rule(CHECK_IN_LIMITS, on=day, region=district)
        submission.rules[day] = DayRules(switches, rule.value, rule.ref)
    return submission.rules[day]


async def _refuse_missing_photos(
    work: UnitOfWork, items: Sequence[CheckInPost | CheckInResult]
) -> list[CheckInPost | CheckInResult]:
    """Returns the items; one whose photo is not there is refused by itself."""
    photos = [item.photo for item in items if isinstance(item, CheckInPost) and item.photo]
    if not photos:
        return list(items)
    found = await uploads.find_files(work, photos)
    return [
        build_refused_result(
            str(item.id),
            [FieldError("no_such_file", f"没有照片 {item.photo}, 请先上传", "no such file", "/photo")],
        )
        if isinstance(item, CheckInPost) and item.photo and item.photo not in found
        else item
        for item in items
    ]


def _parse_item(item: dict[str, Any] | CheckInPost) -> CheckInPost | CheckInResult:
    """Returns the check-in, or its refusal as a result."""
    if isinstance(item, CheckInPost):
        return item
    try:
        return CheckInPost.model_validate(item)
    except ValidationError as error:
        identifier = item.get("id", "") if isinstance(item, dict) else ""
        return build_refused_result(str(identifier), to_field_errors(error.errors()))


def _check_item(check_in: CheckInPost, rules: DayRules, at: datetime) -> CheckInPost | CheckInResult:
    """Returns the check-in, or its refusal by the rules of its day."""
    if (at - check_in.taken_at).days >= rules.limits.refused_after_days:
        text = f"打卡时间已超过 {rules.limits.refused_after_days} 天, 请核对手机时间, 确有漏打的走补卡"
        return build_refused_result(str(check_in.id), [FieldError("too_old", text, "too old", "/taken_at")])
    if check_in.taken_at > at + MAX_CLOCK_AHEAD:
        text = "打卡时间比现在晚一天以上, 请校准手机时间后重新打卡"
        return build_refused_result(
            str(check_in.id), [FieldError("ahead", text, "in the future", "/taken_at")]
        )
    if not rules.switches.own_check_in:
        text = rules.switches.switched_off_message
        return build_refused_result(
            str(check_in.id), [FieldError("check_in_off", text, "switched off", "/taken_at")]
        )
    if check_in.photo and rules.switches.photo == "off":
        return build_refused_result(
            str(check_in.id),
            [FieldError("photo_off", "本地已关闭打卡照片, 请不带照片重发", "no photos", "/photo")],
        )
    return check_in


def _describe_error(error: FieldError) -> str:
    """Returns the error's detail, with the Chinese field name in front unless it is a full sentence."""
    name = FIELD_LABELS.get(error.pointer.strip("/").split("/")[0], "")
    return error.detail if error.code in FULL_SENTENCE_CODES or not name else f"{name}{error.detail}"


def _evaluate_submission(
    submission: Submission, assignments: Sequence[CachedAssignment], district: str
) -> None:
    """Evaluates each item. Raises Forbidden if the sender may not check in in the region of an item."""
    regions = set()
    for item in submission.parsed_items:
        if isinstance(item, CheckInPost):
            day = submission.rules[item.taken_at.astimezone(CHINA_TIME_ZONE).date()]
            work_date = resolve_work_date(item.taken_at, day.limits)
            evaluation = evaluate_check_in(item, work_date, assignments, day.limits, submission.at)
            sent = submission.sent.get(item.id, item)
            row = build_row(
                submission.actor, submission.at, item, evaluation, day.ref, work_date, district, sent
            )
            regions.add(row["region"])
            submission.evaluated_items[id(item)] = EvaluatedItem(item, evaluation, row)
    for region in regions:
        submission.actor.require(May.CHECK_IN, region, submission.actor.id)


async def _refuse_excess(work: UnitOfWork, submissions: Sequence[Submission]) -> None:
    """Refuses new check-ins beyond the limit of one person and day, so that no day is endless.

    This process counts what passes it; the database is asked only from half the limit on. A repeat is no excess.
    """
    by_day: dict[tuple[str, date], list[tuple[Submission, EvaluatedItem]]] = defaultdict(list)
    for submission in submissions:
        for item in submission.evaluated_items.values():
            by_day[item.row["person"], item.row["work_date"]].append((submission, item))
    busy_days = [
        key
        for key, items in by_day.items()
        if _count_check_ins(work, key, len(items)) > _get_most_a_day(*items[0]) / 2
    ]
    if not busy_days:
        return
    stored_ids = await repository.system_list_ids_by_day(work.session, busy_days)
    for key in busy_days:
        known = stored_ids.get(key, set())
        for submission, item in by_day[key]:
            if item.check_in.id in known or len(known) < _get_most_a_day(submission, item):
                known.add(item.check_in.id)
            else:
                _refuse_item(submission, item)


def _get_most_a_day(submission: Submission, item: EvaluatedItem) -> int:
    """Returns the limit of the item's own day."""
    return submission.rules[to_local_date(item.check_in.taken_at)].limits.most_a_day


def _count_check_ins(work: UnitOfWork, key: tuple[str, date], count: int) -> int:
    """Adds to this process's count of a person's day; returns the sum."""
    counts: dict[tuple[str, date], int] = work.context.memory.setdefault(COUNTS_KEY, {})
    if len(counts) > MAX_COUNTED_DAYS:
        counts.clear()
    counts[key] = counts.get(key, 0) + count
    return counts[key]


def _refuse_item(submission: Submission, item: EvaluatedItem) -> None:
    """Replaces an evaluated item by its refusal."""
    text = f"一天最多记录 {_get_most_a_day(submission, item)} 次打卡, 当天已经记满, 不必再打"
    index = next(i for i, parsed in enumerate(submission.parsed_items) if parsed is item.check_in)
    submission.parsed_items[index] = build_refused_result(
        str(item.check_in.id), [FieldError("too_many", text, "enough for this day", "/taken_at")]
    )
    del submission.evaluated_items[id(item.check_in)]


def _build_result(
    item: EvaluatedItem,
    items_by_id: Mapping[UUID, EvaluatedItem],
    new_ids: Collection[UUID],
    stored_digests: Mapping[UUID, tuple[str, str]],
) -> CheckInResult:
    """Returns the result of one item; a stored id with other content is refused as `id_taken`."""
    identifier, evaluation = item.check_in.id, item.evaluation
    result = evaluation.result
    if items_by_id[identifier] is not item or identifier not in new_ids:
        first = items_by_id[identifier].row
        stored = stored_digests.get(identifier, (first["created_digest"], first["person"]))
        if stored != (item.row["created_digest"], item.row["person"]):
            error = FieldError("id_taken", "这个编号已有内容不同的记录", "id taken", "/id")
            return build_refused_result(str(identifier), [error])
        result = evaluation.result if identifier in new_ids else Result.DUPLICATE
    verdict, assignment = evaluation.verdict, evaluation.assignment
    return _BLANK_RESULT.model_copy(
        update={
            "id": str(identifier),
            "result": result,
            "result_label": result.label,
            "words": evaluation.words,
            "work_date": item.row["work_date"],
            "verdict": verdict.kind if verdict else None,
            "post_id": assignment.post_id if assignment else None,
            "post_name": assignment.name if assignment else "",
            "distance_m": verdict.distance_m if verdict else None,
            "margin_m": verdict.margin_m if verdict else None,
            "flags": list(evaluation.flags),
            "errors": [],
        }
    )
