"""Spot checks: reproducible draw, answer by position, decision by a person."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.attendance import repository as records
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_days, format_reason, send_message
from services.attendance.policy import CHECK_IN_LIMITS, CHECK_IN_SWITCHES, SPOT_CHECK_RULES, SpotCheckRules
from services.attendance.posts.models import Assignment
from services.attendance.posts.repository import list_person_assignments
from services.attendance.spot_checks import repository
from services.attendance.spot_checks.models import DrawnPerson, SpotCheck
from services.attendance.spot_checks.schemas import (
    AnsweredBy,
    Decision,
    Outcome,
    SpotCheckAnswer,
    SpotCheckCreate,
)
from shared.auth import May
from shared.china import FencePosition, evaluate_fences, fence_from_json
from shared.clients.attendance import SpotCheckAnswered, SpotCheckDrawn
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.http import VersionMatch
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

OPEN_OUTCOMES = (Outcome.PENDING, Outcome.ELSEWHERE, Outcome.LATE)


def draw_persons(persons: Sequence[str], size: int, seed: str) -> list[str]:
    """Returns the `size` persons with the smallest SHA-256 of "seed:person"; seed and pool reproduce the draw."""
    return sorted(persons, key=lambda person: hashlib.sha256(f"{seed}:{person}".encode()).hexdigest())[:size]


def compute_pool_digest(persons: Sequence[str]) -> str:
    """Returns the SHA-256 of the sorted account ids, one per line."""
    return hashlib.sha256("\n".join(sorted(persons)).encode()).hexdigest()


async def create_spot_check(work: UnitOfWork, body: SpotCheckCreate) -> SpotCheck:
    """Draws persons and stores seed and pool digest. Raises Forbidden if switched off, Conflict if nobody is eligible."""
    work.actor.require(May.SPOT_CHECK, body.region)
    switches = (await work.get_rule(CHECK_IN_SWITCHES, region=body.region)).value
    if not switches.spot_checks:
        raise Forbidden("本地未开通抽查", "Spot checks are switched off here")
    rule = await work.get_rule(SPOT_CHECK_RULES, region=body.region)
    rules = rule.value
    if body.size > rules.most_drawn:
        detail = f"一次最多抽 {rules.most_drawn} 人"
        raise Invalid(detail, "Too many", errors=[FieldError("too_many", detail, "too many", "/size")])
    if body.id is not None and (existing := await work.session.get(SpotCheck, body.id)) is not None:
        return await records.get_record(work, SpotCheck, existing.id, "这次抽查")
    pool = await repository.find_eligible_assignments(work, body.region, work.today)
    if not pool:
        raise Conflict("这个地区今天没有可抽查的人员", "Nobody to draw from")
    spot_check = await _insert_draw(work, body, pool, rules, rule.ref)
    event = SpotCheckDrawn(seed=spot_check.seed, pool_digest=spot_check.pool_digest, drawn=spot_check.drawn)
    await log_event(work, spot_check, event)
    return spot_check


async def _insert_draw(
    work: UnitOfWork, body: SpotCheckCreate, pool: dict[str, Assignment], rules: SpotCheckRules, rule_ref: str
) -> SpotCheck:
    """Inserts the spot check and the persons drawn, and tells each person."""
    seed = body.seed or secrets.token_hex(16)
    persons = draw_persons(list(pool), body.size, seed)
    common_columns: dict[str, Any] = {
        "work_date": work.today,
        "closes_at": work.at + timedelta(minutes=rules.window_minutes),
    }
    spot_check, _ = await create_record(
        work,
        SpotCheck,
        body,
        region=body.region,
        id=body.id,
        seed=seed,
        pool=len(pool),
        pool_digest=compute_pool_digest(list(pool)),
        drawn=len(persons),
        rule_ref=rule_ref,
        **common_columns,
    )
    closes_at = common_columns["closes_at"].astimezone(CHINA_TIME_ZONE)
    for person in persons:
        drawn, _ = await create_record(
            work,
            DrawnPerson,
            body,
            region=pool[person].region,
            spot_check_id=spot_check.id,
            person=person,
            person_name=pool[person].person_name,
            outcome=Outcome.PENDING,
            **common_columns,
        )
        text = f"您被抽查到, 请在 {closes_at:%H:%M} 前以定位答复"
        await send_message(work, person, MessageKind.SPOT_CHECK, drawn, text)
    return spot_check


async def answer_spot_check(work: UnitOfWork, drawn_id: UUID, body: SpotCheckAnswer) -> DrawnPerson:
    """Records the person's answer: in time and inside a fence is present; anything else awaits a decision."""
    drawn = await _get_open_draw(work, drawn_id)
    work.actor.require(May.CHECK_IN, drawn.region, drawn.person)
    if drawn.outcome is not Outcome.PENDING:
        raise Conflict(f"已答复: {drawn.outcome.label}", "Answered already")
    limits = (await work.get_rule(CHECK_IN_LIMITS, region=drawn.region)).value
    fences = [
        fence_from_json(fence)
        for _, post in await list_person_assignments(work, drawn.person, drawn.work_date, drawn.work_date)
        if post.closed_on is None or drawn.work_date <= post.closed_on
        for fence in post.fences
    ]
    match = (
        evaluate_fences(fences, body.fix.to_wgs84(), body.fix.accuracy_m, unstated_m=limits.unstated_m)
        if fences
        else None
    )
    is_inside = match is not None and match.kind is FencePosition.INSIDE
    drawn.verdict = match.kind if match else None
    drawn.distance_m = round(match.distance_m) if match else None
    drawn.answered_by, drawn.answered_at = AnsweredBy.PLACE, work.at
    outcome_in_time = Outcome.PRESENT if is_inside else Outcome.ELSEWHERE
    drawn.outcome = outcome_in_time if work.at <= drawn.closes_at else Outcome.LATE
    return await _save_draw(work, drawn, Outcome.PENDING)


async def decide_spot_check(
    work: UnitOfWork, drawn_id: UUID, body: Decision, match: VersionMatch
) -> DrawnPerson:
    """Records the result found by call-back, on site or from a late answer. Raises Forbidden for oneself."""
    drawn = await records.get_record(work, DrawnPerson, drawn_id, "这条抽查", lock=True)
    work.actor.require(May.SPOT_CHECK, drawn.region)
    match.check_version(drawn)
    _require_changeable(work, drawn)
    if work.actor.is_same_person(drawn.person):
        raise Forbidden("不能核实本人的抽查", "Another person must")
    if body.outcome is Outcome.ABSENT and work.at <= drawn.closes_at and drawn.outcome is Outcome.PENDING:
        raise Conflict("答复时限未到, 不能认定不在岗", "There is still time to answer")
    draw = await records.get_record(work, SpotCheck, drawn.spot_check_id, "这次抽查")
    if body.outcome is Outcome.ABSENT and work.actor.is_same_person(draw.created_by):
        raise Forbidden(
            "抽查人不能自己认定不在岗, 须由另一人核实", "Another person than who drew must find it"
        )
    was = drawn.outcome
    drawn.outcome, drawn.decided_by, drawn.remark = body.outcome, work.actor.id, body.remark
    drawn.answered_by = drawn.answered_by or body.how
    drawn.answered_at = drawn.answered_at or work.at
    text = f"{format_days(drawn.work_date, drawn.work_date)}的抽查: {work.actor.name}认定{drawn.outcome.label}{format_reason(body.remark)}"
    await send_message(work, drawn.person, MessageKind.SPOT_CHECK, drawn, text)
    return await _save_draw(work, drawn, was, body.remark)


def _require_changeable(work: UnitOfWork, drawn: DrawnPerson) -> None:
    """Raises Conflict if the result is final; an absence may be changed by another person than who decided it."""
    if drawn.outcome is Outcome.ABSENT:
        if work.actor.is_same_person(drawn.decided_by):
            raise Forbidden("认定不在岗后须由另一人复议", "Another person must look at it again")
    elif drawn.outcome not in OPEN_OUTCOMES:
        raise Conflict(f"已有结果: {drawn.outcome.label}", "It has its result")


async def _get_open_draw(work: UnitOfWork, drawn_id: UUID) -> DrawnPerson:
    """Returns the person drawn, locked. Raises Conflict if the result is final."""
    drawn = await records.get_record(work, DrawnPerson, drawn_id, "这条抽查", lock=True)
    if drawn.outcome not in OPEN_OUTCOMES:
        raise Conflict(f"已有结果: {drawn.outcome.label}", "It has its result")
    return drawn


async def _save_draw(work: UnitOfWork, drawn: DrawnPerson, was: Outcome, reason: str = "") -> DrawnPerson:
    """Increments the version and publishes the result."""
    event = SpotCheckAnswered(
        spot_check_id=drawn.spot_check_id,
        person=drawn.person,
        work_date=drawn.work_date,
        outcome=drawn.outcome,
    )
    await save_record(work, drawn, event, before={"outcome": was}, reason=reason)
    return drawn
