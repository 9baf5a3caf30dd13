"""Evaluation of one check-in against the fences of its day, and its row and event. Pure functions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.attendance.check_ins.schemas import CheckInPost, CheckInSource, Flag, Result
from services.attendance.policy import CheckInLimits
from services.attendance.posts.assignment_cache import CachedAssignment
from shared.auth import Actor
from shared.china import FencePosition, FenceVerdict, Point, evaluate_fences
from shared.unit_of_work import CHINA_TIME_ZONE

CheckInRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckInEvaluation:
    """Result of evaluating one check-in."""

    result: Result
    assignment: CachedAssignment | None
    verdict: FenceVerdict | None
    flags: tuple[Flag, ...]
    words: str
    place: Point | None
    """Position in WGS-84."""


def resolve_work_date(taken_at: datetime, limits: CheckInLimits) -> date:
    """Returns the local day a check-in counts for; before `day_starts_hour` that is the day before."""
    local = taken_at.astimezone(CHINA_TIME_ZONE)
    return local.date() - timedelta(days=local.hour < limits.day_starts_hour)


def evaluate_check_in(
    check_in: CheckInPost,
    day: date,
    assignments: Sequence[CachedAssignment],
    limits: CheckInLimits,
    received_at: datetime,
) -> CheckInEvaluation:
    """Compares the position with the fences of the assignments that cover the day, as they were at that instant.

    A check-in that is unsure or has a flag is held for review, never discarded.
    """
    current = [one.at(check_in.taken_at) for one in assignments if one.covers(day)]
    flags = _find_flags(check_in, limits, received_at)
    position = check_in.fix.to_wgs84() if check_in.fix else None
    match: tuple[CachedAssignment, FenceVerdict] | None = None
    if not current:
        flags.append(Flag.NO_POST)
    elif check_in.fix is None or position is None:
        flags.append(Flag.NO_FIX)
    else:
        match = find_nearest_fence(current, position, check_in.fix.accuracy_m, limits)
    is_held = bool(flags) or (match is not None and match[1].kind is FencePosition.UNSURE)
    result = Result.HELD if is_held else Result.APPLIED
    assignment = match[0] if match else current[0] if current else None
    return CheckInEvaluation(
        result,
        assignment,
        match[1] if match else None,
        tuple(flags),
        _describe_evaluation(match, flags),
        position,
    )


def correct_clock(check_in: CheckInPost, limits: CheckInLimits, received_at: datetime) -> CheckInPost:
    """Returns the check-in with its times shifted by what the phone's clock showed when it sent, if that was wrong."""
    if check_in.sent_at is None:
        return check_in
    offset = received_at - check_in.sent_at
    if abs(offset) <= timedelta(minutes=limits.clock_minutes):
        return check_in
    fix = check_in.fix
    if fix is not None and fix.taken_at is not None:
        fix = fix.model_copy(update={"taken_at": fix.taken_at + offset})
    return check_in.model_copy(update={"taken_at": check_in.taken_at + offset, "fix": fix})


def compute_digest(check_in: CheckInPost) -> str:
    """Returns the SHA-256 of a check-in without `sent_at`; equal digests are repeats of one check-in."""
    return hashlib.sha256(check_in.model_dump_json(exclude={"sent_at"}).encode()).hexdigest()


def build_row(
    actor: Actor,
    received_at: datetime,
    check_in: CheckInPost,
    evaluation: CheckInEvaluation,
    rule_ref: str,
    work_date: date,
    district: str,
    sent: CheckInPost,
) -> CheckInRow:
    """Returns the column values of the actor's own check-in; `sent` is it before its clock was corrected."""
    fix, verdict, assignment, position = (
        check_in.fix,
        evaluation.verdict,
        evaluation.assignment,
        evaluation.place,
    )
    return {
        "id": check_in.id,
        "region": assignment.region
        if assignment
        else next((grant.region for grant in actor.grants), district),
        "version": 1,
        "created_at": received_at,
        "created_by": actor.id,
        "updated_at": received_at,
        "created_digest": compute_digest(sent),
        "person": actor.id,
        "sent_by": actor.sent_by or actor.id,
        "kind": check_in.kind,
        "source": CheckInSource.USER,
        "work_date": work_date,
        "taken_at": check_in.taken_at,
        "phone_taken_at": None if sent is check_in else sent.taken_at,
        "fixed_at": fix.taken_at if fix else None,
        "received_at": received_at,
        "post_id": assignment.post_id if assignment else None,
        "lon": position.lon if position else None,
        "lat": position.lat if position else None,
        "fix": fix.model_dump(mode="json") if fix else {},
        "accuracy_m": fix.accuracy_m if fix else None,
        "coarse": False,
        "mock": check_in.mock,
        "device": check_in.device,
        "verdict": verdict.kind if verdict else None,
        "distance_m": verdict.distance_m if verdict else None,
        "margin_m": verdict.margin_m if verdict else None,
        "flags": list(evaluation.flags),
        "result": evaluation.result,
        "rule_version": rule_ref,
        "remark": check_in.remark,
        "photo": check_in.photo,
    }


def build_event_payload(row: CheckInRow) -> dict[str, Any]:
    """Returns the `after` of `check_in.recorded`: that it was recorded and its result, without the place."""
    taken_at: str = row["taken_at"].astimezone(UTC).isoformat()
    # As serialize_event(CheckInRecorded(…)) says it; there is one for every check-in.
    return {
        "person": row["person"],
        "work_date": row["work_date"].isoformat(),
        "kind": row["kind"].value,
        "verdict": row["verdict"].value if row["verdict"] else "",
        "result": row["result"].value,
        "post_id": str(row["post_id"]) if row["post_id"] else None,
        "taken_at": taken_at.removesuffix("+00:00") + "Z",
    }


def find_nearest_fence(
    assignments: Sequence[CachedAssignment], position: Point, accuracy_m: float | None, limits: CheckInLimits
) -> tuple[CachedAssignment, FenceVerdict]:
    """Returns the fence that fits the position best, among all fences of several posts."""
    fence_owners = [assignment for assignment in assignments for _ in assignment.fences]
    fences = [fence for assignment in assignments for fence in assignment.fences]
    best = evaluate_fences(fences, position, accuracy_m, unstated_m=limits.unstated_m)
    return fence_owners[best.fence], best


def _find_flags(check_in: CheckInPost, limits: CheckInLimits, received_at: datetime) -> list[Flag]:
    """Returns the flags that need neither assignment nor position."""
    flags = []
    if check_in.mock:
        flags.append(Flag.MOCK)
    tolerance = timedelta(minutes=limits.clock_minutes)
    if check_in.taken_at > received_at + tolerance or (
        check_in.sent_at and abs(received_at - check_in.sent_at) > tolerance
    ):
        flags.append(Flag.CLOCK)
    if received_at - check_in.taken_at > timedelta(hours=limits.late_hours):
        flags.append(Flag.LATE)
    fix = check_in.fix
    if fix is not None and fix.taken_at is not None:
        if abs(check_in.taken_at - fix.taken_at) > timedelta(minutes=limits.fix_minutes):
            flags.append(Flag.OLD_FIX)
    if fix is not None and fix.accuracy_m is not None and fix.accuracy_m < limits.precise_m:
        flags.append(Flag.PRECISE)
    return flags


def _describe_evaluation(match: tuple[CachedAssignment, FenceVerdict] | None, flags: Sequence[Flag]) -> str:
    """Returns the Chinese text shown to the person."""
    parts = []
    if match is not None:
        assignment, verdict = match
        match verdict.kind:
            case FencePosition.INSIDE:
                parts.append(f"在{assignment.name}围栏内")
            case FencePosition.OUTSIDE:
                parts.append(f"在{assignment.name}围栏外约 {verdict.distance_m:.0f} 米")
            case FencePosition.UNSURE:
                parts.append(f"在{assignment.name}围栏边界附近, 定位误差内无法判定")
    parts += [flag.label for flag in flags]
    is_held = bool(flags) or (match is not None and match[1].kind is FencePosition.UNSURE)
    return "; ".join(parts) + (", 已转人工复核" if is_held else "")
