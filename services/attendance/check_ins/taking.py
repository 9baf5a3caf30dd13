"""Judging what callers send, and what each of them hears: many callers' items in one transaction, none spoiling another's."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance.check_ins.judging import Judgement, judge, work_date
from services.attendance.check_ins.rows import Row, row_of
from services.attendance.check_ins.schemas import CheckInPost, CheckInResult, Result
from services.attendance.policy import Limits, Switches, ruled
from services.attendance.posts import stationing
from services.attendance.posts.stationing import Ask, Station
from shared import files
from shared.access import Actor
from shared.errors import Fault, FaultRead, Forbidden, Refusal
from shared.permissions import May
from shared.problems import faults
from shared.work import Work

DISTRICT = 6
"""Digits of a region's code that name its district."""
AHEAD = timedelta(days=1)
"""What is dated later than this belongs to a day that nobody reckons yet."""
FIELDS = {
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
OWN = frozenset({"id_taken", "too_old", "ahead", "photo_off"})
"""Faults whose words are a whole sentence."""
Items = Sequence[dict[str, Any] | CheckInPost]
Insert = Callable[[Sequence[tuple[Row, Actor]]], Awaitable[Collection[UUID]]]
"""Writes rows and their events, all or nothing; the ids that were new."""
Digests = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, tuple[str, str]]]]
"""(digest, person) of records that are there."""


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
    limits: Limits | None = None
    rule: str = ""

    @property
    def fair(self) -> bool:
        """Whether nothing refuses it so far."""
        return self.refusal is None


async def judge_all(work: Work, callers: Sequence[Caller], ask: Ask | None = None) -> None:
    """Understand and judge what callers send about themselves; nothing is written.

    Statements: one for stations not known yet (by `ask`, where that is shorter); more only for photos. A caller
    whom the rules refuse (Forbidden where own check-in is switched off, attendance.md E.6) spoils no other.
    """
    for caller in callers:
        try:
            await _read(Work(work.session, caller.actor, caller.at, work.context), caller)
        except Refusal as refusal:
            caller.refusal = refusal
    fair = [one for one in callers if one.fair]
    if not fair:
        return
    most = max(one.limits.refused_after_days for one in fair if one.limits)
    since = work.today - timedelta(days=most + 1)
    persons = {one.actor.id for one in fair}
    where = await stationing.of(work.context, work.session, persons, since, work.at, ask)
    for caller in fair:
        try:
            _judge(caller, where[caller.actor.id], work.context.settings.district)
        except Refusal as refusal:
            caller.refusal = refusal


async def write_all(callers: Sequence[Caller], insert: Insert, digests: Digests) -> None:
    """Insert and tell what is new, in one transaction, then answer everybody: applied, held, duplicate or refused.

    Statements: one for rows and log; one more for repeated ids.
    """
    fair = [one for one in callers if one.fair]
    once: dict[UUID, Taken] = {}
    actors: dict[UUID, Actor] = {}
    for caller in fair:
        for item in caller.taken.values():
            if once.setdefault(item.sent.id, item) is item:
                actors[item.sent.id] = caller.actor
    fresh: Collection[UUID] = ()
    known: Mapping[UUID, tuple[str, str]] = {}
    if once:
        fresh = await insert([(item.row, actors[id_]) for id_, item in once.items()])
        old = [id_ for id_ in once if id_ not in fresh]
        known = await digests(old) if old else {}
    for caller in fair:
        caller.answer = [
            one if isinstance(one, CheckInResult) else _answer(caller.taken[id(one)], once, fresh, known)
            for one in caller.read
        ]


async def _read(work: Work, caller: Caller) -> None:
    home = next((grant.region for grant in caller.actor.grants), work.context.settings.district)
    district = home[:DISTRICT].ljust(12, "0")
    switches, _ = await ruled(work, "check_in.switches", Switches, district)
    if not switches.own_check_in:
        raise Forbidden(switches.instead, "Check-in is switched off here")
    caller.limits, rule = await ruled(work, "check_in.limits", Limits, district)
    caller.rule = rule.ref
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
            named = item.get("id", "") if isinstance(item, dict) else ""
            return refused(str(named), faults(error.errors()))
    if (at - sent.taken_at).days >= limits.refused_after_days:
        words = f"打卡时间已超过 {limits.refused_after_days} 天, 请核对手机时间, 确有漏打的走补卡"
        return refused(str(sent.id), [Fault("too_old", words, "too old", "/taken_at")])
    if sent.taken_at > at + AHEAD:
        words = "打卡时间比现在晚一天以上, 请校准手机时间后重新打卡"
        return refused(str(sent.id), [Fault("ahead", words, "in the future", "/taken_at")])
    if sent.photo and switches.photo == "off":
        return refused(
            str(sent.id), [Fault("photo_off", "本地已关闭打卡照片, 请不带照片重发", "no photos", "/photo")]
        )
    return sent


def _said(fault: Fault) -> str:
    name = FIELDS.get(fault.pointer.strip("/").split("/")[0], "")
    return fault.detail if fault.code in OWN or not name else f"{name}{fault.detail}"


def refused(identifier: str, found: Sequence[Fault]) -> CheckInResult:
    """The answer for an item that is not accepted, with the reason in words."""
    return CheckInResult(
        id=identifier[:64],
        result=Result.REFUSED,
        result_label=Result.REFUSED.label,
        words="; ".join(_said(fault) for fault in found),
        errors=[FaultRead(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in found],
    )


def _judge(caller: Caller, stations: Sequence[Station], district: str) -> None:
    limits = caller.limits
    if limits is None:
        raise ValueError("not read yet")
    regions = set()
    for one in caller.read:
        if isinstance(one, CheckInPost):
            on = work_date(one.taken_at, limits)
            judged = judge(one, on, stations, limits, caller.at)
            row = row_of(caller.actor, caller.at, one, judged, caller.rule, on, district)
            regions.add(row["region"])
            caller.taken[id(one)] = Taken(one, judged, row)
    for region in regions:
        caller.actor.require(May.CHECK_IN, region, caller.actor.id)


def _answer(
    item: Taken,
    once: Mapping[UUID, Taken],
    fresh: Collection[UUID],
    known: Mapping[UUID, tuple[str, str]],
) -> CheckInResult:
    identifier, judged = item.sent.id, item.judged
    result = judged.result
    if once[identifier] is not item or identifier not in fresh:
        first = once[identifier].row
        there = known.get(identifier, (first["created_digest"], first["person"]))
        if there != (item.row["created_digest"], item.row["person"]):
            taken = Fault("id_taken", "这个编号已有内容不同的记录", "id taken", "/id")
            return refused(str(identifier), [taken])
        result = judged.result if identifier in fresh else Result.DUPLICATE
    verdict, station = judged.verdict, judged.station
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
