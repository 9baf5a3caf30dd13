"""Taking check-ins in: judged one by one, written in one statement, answered at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance.check_ins import repository
from services.attendance.check_ins.judging import Judgement, Station, judge, work_date
from services.attendance.check_ins.schemas import CheckInPost, CheckInResult, Result, Source
from services.attendance.policy import Limits
from services.attendance.posts.repository import stations
from shared import files
from shared.contracts.attendance import CheckInRecorded
from shared.creates import digest
from shared.errors import Fault, FaultRead, Forbidden
from shared.fences import from_json
from shared.log import publish
from shared.permissions import May
from shared.problems import faults
from shared.work import Work


@dataclass(frozen=True, slots=True)
class _Item:
    sent: CheckInPost
    judged: Judgement
    row: dict[str, Any]


async def take(work: Work, items: Sequence[dict[str, Any] | CheckInPost]) -> list[CheckInResult]:
    """Record what the caller sends about themselves; each item gets its own result, in the order sent.

    Forbidden when the district has switched its own check-in off (attendance.md E.6); then only imports, leave,
    duty shifts and spot checks count.
    """
    switches = (await work.rule("check_in.switches")).value
    if not switches["own_check_in"]:
        raise Forbidden("本地未开通手机打卡, 请按值班与报备办理", "Check-in is switched off here")
    rule = await work.rule("check_in.limits")
    limits = Limits.model_validate(rule.value)
    read = [_read(item, limits, work) for item in items]
    sent = [one for one in read if isinstance(one, CheckInPost)]
    await files.require(work, [one.photo for one in sent], "/photo")
    where = await _stations(work, sent, limits) if sent else []
    taken = {id(one): _item(work, one, judge(one, where, limits, work.at), rule.ref, limits) for one in sent}
    fresh = await _write(work, list(taken.values()))
    found = []
    for one in read:
        if isinstance(one, CheckInResult):
            found.append(one)
        else:
            item = taken[id(one)]
            found.append(fresh.get(one.id) or _answer(item, item.judged.result))
    return found


def _read(item: dict[str, Any] | CheckInPost, limits: Limits, work: Work) -> CheckInPost | CheckInResult:
    if isinstance(item, CheckInPost):
        sent = item
    else:
        try:
            sent = CheckInPost.model_validate(item)
        except ValidationError as error:
            return _refused(str(item.get("id", "")), faults(error.errors()))
    if (work.at - sent.taken_at).days >= limits.refused_after_days:
        words = f"打卡时间已超过 {limits.refused_after_days} 天, 请走补卡"
        return _refused(str(sent.id), [Fault("too_old", words, "too old", "/taken_at")])
    return sent


def _refused(identifier: str, found: Sequence[Fault]) -> CheckInResult:
    return CheckInResult(
        id=identifier[:64],
        result=Result.REFUSED,
        result_label=Result.REFUSED.label,
        words="; ".join(f"{fault.pointer.strip('/')} {fault.detail}".strip() for fault in found),
        errors=[FaultRead(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in found],
    )


async def _stations(work: Work, sent: Sequence[CheckInPost], limits: Limits) -> list[Station]:
    days = [work_date(one.taken_at, limits) for one in sent]
    return [
        Station(
            post.id,
            post.name,
            post.region,
            tuple(from_json(fence) for fence in post.fences),
            assignment.starts_on,
            min(filter(None, (assignment.ends_on, post.closed_on)), default=None),
        )
        for assignment, post in await stations(work, work.actor.id, min(days), max(days))
    ]


def _item(work: Work, sent: CheckInPost, judged: Judgement, rule: str, limits: Limits) -> _Item:
    home = next((grant.region for grant in work.actor.grants), work.context.settings.district)
    place = sent.fix.wgs84() if sent.fix else None
    row = {
        "id": sent.id,
        "region": judged.station.region if judged.station else home,
        "version": 1,
        "created_at": work.at,
        "created_by": work.actor.id,
        "updated_at": work.at,
        "created_digest": digest(sent.model_copy(update={"sent_at": None})),
        "person": work.actor.id,
        "sent_by": work.actor.id,
        "kind": sent.kind,
        "source": Source.USER,
        "work_date": work_date(sent.taken_at, limits),
        "taken_at": sent.taken_at,
        "fixed_at": sent.fix.taken_at if sent.fix else None,
        "received_at": work.at,
        "post_id": judged.station.post_id if judged.station else None,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "fix": sent.fix.model_dump(mode="json") if sent.fix else {},
        "accuracy_m": sent.fix.accuracy_m if sent.fix else None,
        "coarse": False,
        "mock": sent.mock,
        "device": sent.device,
        "verdict": judged.verdict.kind if judged.verdict else None,
        "distance_m": judged.verdict.distance_m if judged.verdict else None,
        "margin_m": judged.verdict.margin_m if judged.verdict else None,
        "flags": [str(flag) for flag in judged.flags],
        "result": judged.result,
        "rule_version": rule,
        "remark": sent.remark,
        "photo": sent.photo,
    }
    return _Item(sent, judged, row)


async def _write(work: Work, items: Sequence[_Item]) -> dict[UUID, CheckInResult]:
    """Insert and tell what is new; the answers for ids that were there before (or twice in this batch)."""
    once: dict[UUID, _Item] = {}
    for item in items:
        work.actor.require(May.CHECK_IN, item.row["region"], work.actor.id)
        once.setdefault(item.sent.id, item)
    if not once:
        return {}
    fresh = await repository.insert(work, [item.row for item in once.values()])
    for item in once.values():
        if item.sent.id in fresh:
            await _tell(work, item)
    if len(fresh) == len(items):
        return {}
    known = await repository.digests(work, list(once))
    return {item.sent.id: found for item in items if (found := _seen_before(work, item, known, fresh))}


def _seen_before(
    work: Work, item: _Item, known: Mapping[UUID, tuple[str, str]], fresh: Collection[UUID]
) -> CheckInResult | None:
    """The answer to an id that was there: a duplicate with the same content, refused with other content."""
    if known[item.sent.id] != (item.row["created_digest"], work.actor.id):
        clash = Fault("id_taken", "这个编号已有内容不同的记录", "id taken", "/id")
        return _refused(str(item.sent.id), [clash])
    return None if item.sent.id in fresh else _answer(item, Result.DUPLICATE)


def _answer(item: _Item, result: Result) -> CheckInResult:
    judged = item.judged
    return CheckInResult(
        id=str(item.sent.id),
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


async def _tell(work: Work, item: _Item) -> None:
    row = item.row
    await publish(
        work.session,
        CheckInRecorded(
            person=row["person"],
            work_date=row["work_date"],
            kind=row["kind"],
            verdict=row["verdict"] or "",
            result=row["result"],
            post_id=row["post_id"],
            taken_at=row["taken_at"],
        ),
        actor=work.actor,
        subject=str(row["id"]),
        version=1,
        region=row["region"],
        at=work.at,
        recorded_at=min(row["taken_at"], work.at),
    )
