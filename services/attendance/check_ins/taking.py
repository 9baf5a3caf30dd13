"""Judging what callers send, and what each of them hears: many callers' items in one transaction, none spoiling another's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance.check_ins import repository
from services.attendance.check_ins.judging import Judgement, judge, work_date
from services.attendance.check_ins.rows import Row, row_of
from services.attendance.check_ins.schemas import CheckInPost, CheckInResult, Result
from services.attendance.policy import Limits, Switches
from services.attendance.posts import stationing
from services.attendance.posts.stationing import Station
from shared import files
from shared.access import Actor
from shared.errors import Fault, FaultRead, Forbidden, Refusal
from shared.permissions import May
from shared.problems import faults
from shared.rules import Rule
from shared.work import Work

DISTRICT = 6
"""Digits of a region's code that name its district."""
Items = Sequence[dict[str, Any] | CheckInPost]


@dataclass(frozen=True, slots=True)
class Taken:
    """One item that was understood: what was sent, how it was judged, the row it becomes."""

    sent: CheckInPost
    judged: Judgement
    row: Row


@dataclass(slots=True)
class Caller:
    """One request: who sent what when, and in the end its answer or its refusal."""

    actor: Actor
    at: datetime
    items: Items
    read: list[CheckInPost | CheckInResult] = field(default_factory=list)
    taken: dict[int, Taken] = field(default_factory=dict)
    answer: list[CheckInResult] = field(default_factory=list)
    refusal: Refusal | None = None
    rule: Rule | None = None
    limits: Limits | None = None


async def take_all(work: Work, callers: Sequence[Caller]) -> None:
    """Record what callers send about themselves, all in the work's transaction; each gets its own answer.

    Statements: one for stations not known yet, one for rows and log; more only for photos and repeated ids.
    A caller whom the rules refuse (Forbidden where own check-in is switched off, attendance.md E.6) spoils no other.
    """
    for caller in callers:
        await _tried(work, caller, _read)
    fair = [one for one in callers if one.refusal is None]
    await _judged(work, fair)
    await _written(work, [one for one in fair if one.refusal is None])


async def _tried(work: Work, caller: Caller, step: Any) -> None:  # noqa: ANN401 - a step below
    try:
        await step(Work(work.session, caller.actor, caller.at, work.context), caller)
    except Refusal as refusal:
        caller.refusal = refusal


async def _read(work: Work, caller: Caller) -> None:
    home = next((grant.region for grant in caller.actor.grants), work.context.settings.district)
    district = home[:DISTRICT].ljust(12, "0")
    switches = Switches.model_validate((await work.rule("check_in.switches", region=district)).value)
    if not switches.own_check_in:
        raise Forbidden("本地未开通手机打卡, 请按值班与报备办理", "Check-in is switched off here")
    caller.rule = await work.rule("check_in.limits", region=district)
    caller.limits = Limits.model_validate(caller.rule.value)
    caller.read = [_understood(item, caller.limits, work.at, switches) for item in caller.items]
    photos = [one.photo for one in caller.read if isinstance(one, CheckInPost) and one.photo]
    if photos:
        await files.require(work, photos, "/photo")


def _understood(
    item: dict[str, Any] | CheckInPost, limits: Limits, at: datetime, switches: Switches
) -> CheckInPost | CheckInResult:
    if isinstance(item, CheckInPost):
        sent = item
    else:
        try:
            sent = CheckInPost.model_validate(item)
        except ValidationError as error:
            return refused(str(item.get("id", "")), faults(error.errors()))
    if (at - sent.taken_at).days >= limits.refused_after_days:
        words = f"打卡时间已超过 {limits.refused_after_days} 天, 请走补卡"
        return refused(str(sent.id), [Fault("too_old", words, "too old", "/taken_at")])
    if sent.photo and switches.photo == "off":
        return refused(
            str(sent.id), [Fault("photo_off", "本地已关闭打卡照片, 请不带照片重发", "no photos", "/photo")]
        )
    return sent


def refused(identifier: str, found: Sequence[Fault]) -> CheckInResult:
    """The answer for an item that is not accepted, with the reason in words."""
    return CheckInResult(
        id=identifier[:64],
        result=Result.REFUSED,
        result_label=Result.REFUSED.label,
        words="; ".join(f"{fault.pointer.strip('/')} {fault.detail}".strip() for fault in found),
        errors=[FaultRead(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in found],
    )


async def _judged(work: Work, callers: Sequence[Caller]) -> None:
    persons = {one.actor.id for one in callers}
    if not persons:
        return
    most = max(one.limits.refused_after_days for one in callers if one.limits)
    today = work.today
    span = (today - timedelta(days=most + 1), today + timedelta(days=most))
    where = await stationing.of(work.context, work.session, persons, *span, work.at)
    for caller in callers:
        try:
            _judge(caller, where[caller.actor.id], work.context.settings.district)
        except Refusal as refusal:
            caller.refusal = refusal


def _judge(caller: Caller, stations: Sequence[Station], district: str) -> None:
    limits, rule = caller.limits, caller.rule
    if limits is None or rule is None:
        raise ValueError("not read yet")
    for one in caller.read:
        if isinstance(one, CheckInPost):
            judged = judge(one, stations, limits, caller.at)
            row = row_of(
                caller.actor, caller.at, one, judged, rule.ref, work_date(one.taken_at, limits), district
            )
            caller.actor.require(May.CHECK_IN, row["region"], caller.actor.id)
            caller.taken[id(one)] = Taken(one, judged, row)


async def _written(work: Work, callers: Sequence[Caller]) -> None:
    """Insert and tell what is new, then answer everybody: applied, held, duplicate or refused."""
    once: dict[UUID, Taken] = {}
    actors: dict[UUID, Actor] = {}
    for caller in callers:
        for item in caller.taken.values():
            if once.setdefault(item.sent.id, item) is item:
                actors[item.sent.id] = caller.actor
    fresh: Collection[UUID] = ()
    known: Mapping[UUID, tuple[str, str]] = {}
    if once:
        fresh = await repository.system_insert(
            work.session, [(item.row, actors[id_]) for id_, item in once.items()]
        )
        old = [id_ for id_ in once if id_ not in fresh]
        known = await repository.system_digests(work.session, old) if old else {}
    for caller in callers:
        caller.answer = [
            one if isinstance(one, CheckInResult) else _answer(caller.taken[id(one)], once, fresh, known)
            for one in caller.read
        ]


def _answer(
    item: Taken,
    once: Mapping[UUID, Taken],
    fresh: Collection[UUID],
    known: Mapping[UUID, tuple[str, str]],
) -> CheckInResult:
    identifier = item.sent.id
    first = once[identifier].row
    there = known.get(identifier, (first["created_digest"], first["person"]))
    if there != (item.row["created_digest"], item.row["person"]):
        return refused(str(identifier), [Fault("id_taken", "这个编号已有内容不同的记录", "id taken", "/id")])
    result = item.judged.result if identifier in fresh else Result.DUPLICATE
    judged = item.judged
    return CheckInResult(
        id=str(identifier),
        result=result,
        result_label=result.label,
        words=judged.words,
        verdict=judged.verdict.kind if judged.verdict else None,
        post_id=judged.station.post_id if judged.station else None,
        post_name=judged.station.name if judged.station else "",
        distance_m=judged.verdict.distance_m if judged.verdict else None,
        margin_m=judged.verdict.margin_m if judged.verdict else None,
        flags=list(judged.flags),
    )
