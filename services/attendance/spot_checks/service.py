"""Drawing persons, taking their answers, deciding what is left open."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import CheckInLimits, CheckInSwitches, SpotCheckRules, load_rule
from services.attendance.posts.models import Assignment
from services.attendance.posts.repository import list_person_assignments
from services.attendance.spot_checks import repository
from services.attendance.spot_checks.models import DrawnPerson, SpotCheck
from services.attendance.spot_checks.schemas import Answer, AnsweredBy, Decision, Outcome, SpotCheckCreate
from shared.auth import May
from shared.china import FencePosition, evaluate_fences, fence_from_json
from shared.clients.attendance import SpotCheckAnswered, SpotCheckDrawn
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.http import VersionMatch
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

OPEN_OUTCOMES = (Outcome.PENDING, Outcome.ELSEWHERE, Outcome.LATE)


def draw_persons(persons: Sequence[str], size: int, seed: str) -> list[str]:
    """The persons drawn: those whose SHA-256 of "seed:person" is smallest. Anybody with seed and pool gets the same."""
    return sorted(persons, key=lambda person: hashlib.sha256(f"{seed}:{person}".encode()).hexdigest())[:size]


def compute_pool_digest(persons: Sequence[str]) -> str:
    """What the pool was: SHA-256 of the sorted account ids, one a line."""
    return hashlib.sha256("\n".join(sorted(persons)).encode()).hexdigest()


async def create_spot_check(work: UnitOfWork, body: SpotCheckCreate) -> SpotCheck:
    """Draw now, in the open: seed and pool digest are recorded with the result."""
    work.actor.require(May.SPOT_CHECK, body.region)
    switches, _ = await load_rule(work, "check_in.switches", CheckInSwitches, body.region)
    if not switches.spot_checks:
        raise Forbidden("本地未开通抽查", "Spot checks are switched off here")
    rules, rule = await load_rule(work, "presence.spot_checks", SpotCheckRules, body.region)
    if body.size > rules.most_drawn:
        detail = f"一次最多抽 {rules.most_drawn} 人"
        raise Invalid(detail, "Too many", errors=[FieldError("too_many", detail, "too many", "/size")])
    if body.id is not None and (known := await work.session.get(SpotCheck, body.id)) is not None:
        return await records.get_record(work, SpotCheck, known.id, "这次抽查")
    pool = await repository.find_eligible_assignments(work, body.region, work.today)
    if not pool:
        raise Conflict("这个地区今天没有可抽查的人员", "Nobody to draw from")
    check = await _insert_draw(work, body, pool, rules, rule.ref)
    told = SpotCheckDrawn(seed=check.seed, pool_digest=check.pool_digest, drawn=check.drawn)
    await work.publish(told, check)
    return check


async def _insert_draw(
    work: UnitOfWork, body: SpotCheckCreate, pool: dict[str, Assignment], rules: SpotCheckRules, rule_ref: str
) -> SpotCheck:
    seed = body.seed or secrets.token_hex(16)
    names = draw_persons(list(pool), body.size, seed)
    common: dict[str, Any] = {
        "work_date": work.today,
        "closes_at": work.at + timedelta(minutes=rules.window_minutes),
    }
    check, _ = await create_record(
        work,
        SpotCheck,
        body,
        region=body.region,
        id=body.id,
        seed=seed,
        pool=len(pool),
        pool_digest=compute_pool_digest(list(pool)),
        drawn=len(names),
        rule_ref=rule_ref,
        **common,
    )
    until = common["closes_at"].astimezone(CHINA_TIME_ZONE)
    for name in names:
        drawn, _ = await create_record(
            work,
            DrawnPerson,
            body,
            region=pool[name].region,
            spot_check_id=check.id,
            person=name,
            person_name=pool[name].person_name,
            outcome=Outcome.PENDING,
            **common,
        )
        words = f"您被抽查到, 请在 {until:%H:%M} 前以定位答复"
        await send_message(work, name, MessageKind.SPOT_CHECK, drawn, words)
    return check


async def answer_spot_check(work: UnitOfWork, drawn_id: UUID, body: Answer) -> DrawnPerson:
    """Answer by place: inside and in time is present; anything else waits for a person."""
    drawn = await _get_open_draw(work, drawn_id)
    work.actor.require(May.CHECK_IN, drawn.region, drawn.person)
    if drawn.outcome is not Outcome.PENDING:
        raise Conflict(f"已答复: {drawn.outcome.label}", "Answered already")
    limits, _ = await load_rule(work, "check_in.limits", CheckInLimits, drawn.region)
    fences = [
        fence_from_json(fence)
        for _, post in await list_person_assignments(work, drawn.person, drawn.work_date, drawn.work_date)
        if post.closed_on is None or drawn.work_date <= post.closed_on
        for fence in post.fences
    ]
    found = (
        evaluate_fences(fences, body.fix.to_wgs84(), body.fix.accuracy_m, unstated_m=limits.unstated_m)
        if fences
        else None
    )
    inside = found is not None and found.kind is FencePosition.INSIDE
    drawn.verdict = found.kind if found else None
    drawn.distance_m = round(found.distance_m) if found else None
    drawn.answered_by, drawn.answered_at = AnsweredBy.PLACE, work.at
    in_time = Outcome.PRESENT if inside else Outcome.ELSEWHERE
    drawn.outcome = in_time if work.at <= drawn.closes_at else Outcome.LATE
    return await _save_draw(work, drawn, Outcome.PENDING)


async def decide_spot_check(
    work: UnitOfWork, drawn_id: UUID, body: Decision, match: VersionMatch
) -> DrawnPerson:
    """A person says how it was, after a call-back, a visit, or a look at a late answer. Nobody about themselves."""
    drawn = await records.get_record(work, DrawnPerson, drawn_id, "这条抽查", lock=True)
    work.actor.require(May.SPOT_CHECK, drawn.region)
    match.check_version(drawn)
    _require_changeable(work, drawn)
    if work.actor.id == drawn.person:
        raise Forbidden("不能核实本人的抽查", "Another person must")
    if body.outcome is Outcome.ABSENT and work.at <= drawn.closes_at and drawn.outcome is Outcome.PENDING:
        raise Conflict("答复时限未到, 不能认定不在岗", "There is still time to answer")
    was = drawn.outcome
    drawn.outcome, drawn.decided_by, drawn.remark = body.outcome, work.actor.id, body.remark
    drawn.answered_by = drawn.answered_by or body.how
    drawn.answered_at = drawn.answered_at or work.at
    words = f"{format_days(drawn.work_date, drawn.work_date)}的抽查: {work.actor.name}认定{drawn.outcome.label}{format_reason(body.remark)}"
    await send_message(work, drawn.person, MessageKind.SPOT_CHECK, drawn, words)
    return await _save_draw(work, drawn, was, body.remark)


def _require_changeable(work: UnitOfWork, drawn: DrawnPerson) -> None:
    """What is open may be decided; an absence may be taken back, by another person than who found it."""
    if drawn.outcome is Outcome.ABSENT:
        if drawn.decided_by == work.actor.id:
            raise Forbidden("认定不在岗后须由另一人复议", "Another person must look at it again")
    elif drawn.outcome not in OPEN_OUTCOMES:
        raise Conflict(f"已有结果: {drawn.outcome.label}", "It has its result")


async def _get_open_draw(work: UnitOfWork, drawn_id: UUID) -> DrawnPerson:
    drawn = await records.get_record(work, DrawnPerson, drawn_id, "这条抽查", lock=True)
    if drawn.outcome not in OPEN_OUTCOMES:
        raise Conflict(f"已有结果: {drawn.outcome.label}", "It has its result")
    return drawn


async def _save_draw(work: UnitOfWork, drawn: DrawnPerson, was: Outcome, reason: str = "") -> DrawnPerson:
    drawn.version += 1
    drawn.updated_at = work.at
    told = SpotCheckAnswered(
        spot_check_id=drawn.spot_check_id,
        person=drawn.person,
        work_date=drawn.work_date,
        outcome=drawn.outcome,
    )
    await work.publish(told, drawn, before={"outcome": was}, reason=reason)
    return drawn
