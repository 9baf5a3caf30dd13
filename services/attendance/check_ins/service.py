"""Judging what callers send, and what each of them hears: many callers' items in one transaction, none spoiling another's."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance.check_ins.calculation import (
    CheckInRow,
    Evaluation,
    build_row,
    evaluate_check_in,
    resolve_work_date,
)
from services.attendance.check_ins.schemas import CheckInPost, CheckInResult, Result
from services.attendance.policy import CheckInLimits, CheckInSwitches, load_rule
from services.attendance.posts import assignment_cache
from services.attendance.posts.assignment_cache import AssignmentQuery, CachedAssignment
from shared.auth import Actor, May
from shared.errors import ApiError, FieldError, FieldErrorRead, Forbidden
from shared.files import uploads
from shared.http import to_field_errors
from shared.unit_of_work import UnitOfWork

DISTRICT_DIGITS = 6
"""Digits of a region's code that name its district."""
MAX_CLOCK_AHEAD = timedelta(days=1)
"""What is dated later than this belongs to a day that nobody reckons yet."""
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
FULL_SENTENCE_CODES = frozenset({"id_taken", "too_old", "ahead", "photo_off"})
"""Faults whose words are a whole sentence."""
CheckInItems = Sequence[dict[str, Any] | CheckInPost]
InsertCheckIns = Callable[[Sequence[tuple[CheckInRow, Actor]]], Awaitable[Collection[UUID]]]
"""Writes rows and their events, all or nothing; the ids that were new."""
FindDigests = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, tuple[str, str]]]]
"""(digest, person) of records that are there."""


@dataclass(frozen=True, slots=True)
class EvaluatedItem:
    """One item that was understood: what was sent, how it was judged, the row it becomes."""

    check_in: CheckInPost
    evaluation: Evaluation
    row: CheckInRow


@dataclass(slots=True)
class Submission:
    """One request: who sent what when, and in the end its answer or its refusal."""

    actor: Actor
    at: datetime
    items: CheckInItems
    parsed_items: list[CheckInPost | CheckInResult] = field(default_factory=list)
    evaluated_items: dict[int, EvaluatedItem] = field(default_factory=dict)
    results: list[CheckInResult] = field(default_factory=list)
    refusal: ApiError | None = None
    limits: CheckInLimits | None = None
    rule: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether nothing refuses it so far."""
        return self.refusal is None


async def evaluate_submissions(
    work: UnitOfWork, callers: Sequence[Submission], ask: AssignmentQuery | None = None
) -> None:
    """Understand and judge what callers send about themselves; nothing is written.

    Statements: one for stations not known yet (by `ask`, where that is shorter); more only for photos. A caller
    whom the rules refuse (Forbidden where own check-in is switched off, attendance.md E.6) spoils no other.
    """
    for caller in callers:
        try:
            await _parse_submission(UnitOfWork(work.session, caller.actor, caller.at, work.context), caller)
        except ApiError as refusal:
            caller.refusal = refusal
    fair = [one for one in callers if one.is_accepted]
    if not fair:
        return
    most = max(one.limits.refused_after_days for one in fair if one.limits)
    since = work.today - timedelta(days=most + 1)
    persons = {one.actor.id for one in fair}
    where = await assignment_cache.find_assignments(work.context, work.session, persons, since, work.at, ask)
    for caller in fair:
        try:
            _evaluate_submission(caller, where[caller.actor.id], work.context.settings.district)
        except ApiError as refusal:
            caller.refusal = refusal


async def write_submissions(
    callers: Sequence[Submission], insert: InsertCheckIns, digests: FindDigests
) -> None:
    """Insert and tell what is new, in one transaction, then answer everybody: applied, held, duplicate or refused.

    Statements: one for rows and log; one more for repeated ids.
    """
    fair = [one for one in callers if one.is_accepted]
    once: dict[UUID, EvaluatedItem] = {}
    actors: dict[UUID, Actor] = {}
    for caller in fair:
        for item in caller.evaluated_items.values():
            if once.setdefault(item.check_in.id, item) is item:
                actors[item.check_in.id] = caller.actor
    fresh: Collection[UUID] = ()
    known: Mapping[UUID, tuple[str, str]] = {}
    if once:
        fresh = await insert([(item.row, actors[id_]) for id_, item in once.items()])
        old = [id_ for id_ in once if id_ not in fresh]
        known = await digests(old) if old else {}
    for caller in fair:
        caller.results = [
            one
            if isinstance(one, CheckInResult)
            else _build_result(caller.evaluated_items[id(one)], once, fresh, known)
            for one in caller.parsed_items
        ]


async def _parse_submission(work: UnitOfWork, caller: Submission) -> None:
    home = next((grant.region for grant in caller.actor.grants), work.context.settings.district)
    district = home[:DISTRICT_DIGITS].ljust(12, "0")
    switches, _ = await load_rule(work, "check_in.switches", CheckInSwitches, district)
    if not switches.own_check_in:
        raise Forbidden(switches.switched_off_message, "Check-in is switched off here")
    caller.limits, rule = await load_rule(work, "check_in.limits", CheckInLimits, district)
    caller.rule = rule.ref
    caller.parsed_items = [_parse_item(item, caller.limits, work.at, switches) for item in caller.items]
    photos = [one.photo for one in caller.parsed_items if isinstance(one, CheckInPost) and one.photo]
    if photos:
        await uploads.require_files(work, photos, "/photo")


def _parse_item(
    item: dict[str, Any] | CheckInPost, limits: CheckInLimits, at: datetime, switches: CheckInSwitches
) -> CheckInPost | CheckInResult:
    if isinstance(item, CheckInPost):
        sent = item
    else:
        try:
            sent = CheckInPost.model_validate(item)
        except ValidationError as error:
            named = item.get("id", "") if isinstance(item, dict) else ""
            return build_refused_result(str(named), to_field_errors(error.errors()))
    if (at - sent.taken_at).days >= limits.refused_after_days:
        words = f"打卡时间已超过 {limits.refused_after_days} 天, 请核对手机时间, 确有漏打的走补卡"
        return build_refused_result(str(sent.id), [FieldError("too_old", words, "too old", "/taken_at")])
    if sent.taken_at > at + MAX_CLOCK_AHEAD:
        words = "打卡时间比现在晚一天以上, 请校准手机时间后重新打卡"
        return build_refused_result(str(sent.id), [FieldError("ahead", words, "in the future", "/taken_at")])
    if sent.photo and switches.photo == "off":
        return build_refused_result(
            str(sent.id),
            [FieldError("photo_off", "本地已关闭打卡照片, 请不带照片重发", "no photos", "/photo")],
        )
    return sent


def _describe_fault(fault: FieldError) -> str:
    name = FIELD_LABELS.get(fault.pointer.strip("/").split("/")[0], "")
    return fault.detail if fault.code in FULL_SENTENCE_CODES or not name else f"{name}{fault.detail}"


def build_refused_result(identifier: str, found: Sequence[FieldError]) -> CheckInResult:
    """The answer for an item that is not accepted, with the reason in words."""
    return CheckInResult(
        id=identifier[:64],
        result=Result.REFUSED,
        result_label=Result.REFUSED.label,
        words="; ".join(_describe_fault(fault) for fault in found),
        errors=[
            FieldErrorRead(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in found
        ],
    )


def _evaluate_submission(caller: Submission, stations: Sequence[CachedAssignment], district: str) -> None:
    limits = caller.limits
    if limits is None:
        raise ValueError("not read yet")
    regions = set()
    for one in caller.parsed_items:
        if isinstance(one, CheckInPost):
            on = resolve_work_date(one.taken_at, limits)
            judged = evaluate_check_in(one, on, stations, limits, caller.at)
            row = build_row(caller.actor, caller.at, one, judged, caller.rule, on, district)
            regions.add(row["region"])
            caller.evaluated_items[id(one)] = EvaluatedItem(one, judged, row)
    for region in regions:
        caller.actor.require(May.CHECK_IN, region, caller.actor.id)


def _build_result(
    item: EvaluatedItem,
    once: Mapping[UUID, EvaluatedItem],
    fresh: Collection[UUID],
    known: Mapping[UUID, tuple[str, str]],
) -> CheckInResult:
    identifier, judged = item.check_in.id, item.evaluation
    result = judged.result
    if once[identifier] is not item or identifier not in fresh:
        first = once[identifier].row
        there = known.get(identifier, (first["created_digest"], first["person"]))
        if there != (item.row["created_digest"], item.row["person"]):
            taken = FieldError("id_taken", "这个编号已有内容不同的记录", "id taken", "/id")
            return build_refused_result(str(identifier), [taken])
        result = judged.result if identifier in fresh else Result.DUPLICATE
    verdict, station = judged.verdict, judged.assignment
    return CheckInResult.model_construct(
        id=str(identifier),
        result=result,
        result_label=result.label,
        words=judged.words,
        verdict=verdict.kind if verdict else None,
        post_id=station.post_id if station else None,
        post_name=station.name if station else "",
        distance_m=verdict.distance_m if verdict else None,
        margin_m=verdict.margin_m if verdict else None,
        flags=list(judged.flags),
        errors=[],
    )
