"""How one check-in stands: to the fences of the day, and to what is odd about its evidence. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.attendance.check_ins.schemas import CheckInPost, Flag, Result, Source
from services.attendance.policy import CheckInLimits
from services.attendance.posts.assignment_cache import CachedAssignment
from shared.auth import Actor
from shared.china import FencePosition, FenceVerdict, Point, evaluate_fences

CHINA_TZ = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found about one check-in."""

    result: Result
    assignment: CachedAssignment | None
    verdict: FenceVerdict | None
    flags: tuple[Flag, ...]
    words: str
    place: Point | None
    """The fix in WGS-84."""


def resolve_work_date(taken_at: datetime, limits: CheckInLimits) -> date:
    """The day a punch belongs to: before `day_starts_hour` it is still the evening before."""
    local = taken_at.astimezone(CHINA_TZ)
    return local.date() - timedelta(days=local.hour < limits.day_starts_hour)


def evaluate_check_in(
    sent: CheckInPost,
    day: date,
    stations: Sequence[CachedAssignment],
    limits: CheckInLimits,
    received_at: datetime,
) -> Evaluation:
    """Inside, outside or unsure, with distance and margin; odd evidence is held for a person, never thrown away."""
    here = [station for station in stations if station.covers(day)]
    flags = _find_flags(sent, limits, received_at)
    place = sent.fix.to_wgs84() if sent.fix else None
    found: tuple[CachedAssignment, FenceVerdict] | None = None
    if not here:
        flags.append(Flag.NO_POST)
    elif sent.fix is None or place is None:
        flags.append(Flag.NO_FIX)
    else:
        found = _find_nearest_fence(here, place, sent.fix.accuracy_m, limits)
    held = bool(flags) or (found is not None and found[1].kind is FencePosition.UNSURE)
    result = Result.HELD if held else Result.APPLIED
    station = found[0] if found else here[0] if here else None
    return Evaluation(
        result, station, found[1] if found else None, tuple(flags), _describe_evaluation(found, flags), place
    )


def _find_nearest_fence(
    here: Sequence[CachedAssignment], place: Point, accuracy_m: float | None, limits: CheckInLimits
) -> tuple[CachedAssignment, FenceVerdict]:
    """Among several posts the one that suits the fix best."""
    owners = [station for station in here for _ in station.fences]
    fences = [fence for station in here for fence in station.fences]
    best = evaluate_fences(fences, place, accuracy_m, unstated_m=limits.unstated_m)
    return owners[best.fence], best


def _find_flags(sent: CheckInPost, limits: CheckInLimits, received_at: datetime) -> list[Flag]:
    flags = []
    if sent.mock:
        flags.append(Flag.MOCK)
    off = timedelta(minutes=limits.clock_minutes)
    if sent.taken_at > received_at + off or (sent.sent_at and abs(received_at - sent.sent_at) > off):
        flags.append(Flag.CLOCK)
    if received_at - sent.taken_at > timedelta(hours=limits.late_hours):
        flags.append(Flag.LATE)
    fix = sent.fix
    if fix is not None and fix.taken_at is not None:
        if abs(sent.taken_at - fix.taken_at) > timedelta(minutes=limits.fix_minutes):
            flags.append(Flag.OLD_FIX)
    if fix is not None and fix.accuracy_m is not None and fix.accuracy_m < limits.precise_m:
        flags.append(Flag.PRECISE)
    return flags


def _describe_evaluation(found: tuple[CachedAssignment, FenceVerdict] | None, flags: Sequence[Flag]) -> str:
    parts = []
    if found is not None:
        station, stands = found
        match stands.kind:
            case FencePosition.INSIDE:
                parts.append(f"在{station.name}围栏内")
            case FencePosition.OUTSIDE:
                parts.append(f"在{station.name}围栏外约 {stands.distance_m:.0f} 米")
            case FencePosition.UNSURE:
                parts.append(f"在{station.name}围栏边界附近, 定位误差内无法判定")
    parts += [flag.label for flag in flags]
    held = bool(flags) or (found is not None and found[1].kind is FencePosition.UNSURE)
    return "; ".join(parts) + (", 已转人工复核" if held else "")


CheckInRow = dict[str, Any]


def compute_digest(sent: CheckInPost) -> str:
    """What makes two sendings the same check-in: everything but when it was sent."""
    return hashlib.sha256(sent.model_dump_json(exclude={"sent_at"}).encode()).hexdigest()


def build_row(
    actor: Actor,
    at: datetime,
    sent: CheckInPost,
    judged: Evaluation,
    rule: str,
    on: date,
    district: str,
) -> CheckInRow:
    """The columns of a check-in of the actor about themselves."""
    fix, verdict, station, place = sent.fix, judged.verdict, judged.assignment, judged.place
    return {
        "id": sent.id,
        "region": station.region if station else next((one.region for one in actor.grants), district),
        "version": 1,
        "created_at": at,
        "created_by": actor.id,
        "updated_at": at,
        "created_digest": compute_digest(sent),
        "person": actor.id,
        "sent_by": actor.id,
        "kind": sent.kind,
        "source": Source.USER,
        "work_date": on,
        "taken_at": sent.taken_at,
        "fixed_at": fix.taken_at if fix else None,
        "received_at": at,
        "post_id": station.post_id if station else None,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "fix": fix.model_dump(mode="json") if fix else {},
        "accuracy_m": fix.accuracy_m if fix else None,
        "coarse": False,
        "mock": sent.mock,
        "device": sent.device,
        "verdict": verdict.kind if verdict else None,
        "distance_m": verdict.distance_m if verdict else None,
        "margin_m": verdict.margin_m if verdict else None,
        "flags": list(judged.flags),
        "result": judged.result,
        "rule_version": rule,
        "remark": sent.remark,
        "photo": sent.photo,
    }


def build_event_payload(row: CheckInRow) -> dict[str, Any]:
    """What the log tells of a check-in: that it was recorded and how it stands, without the place."""
    return {
        "person": row["person"],
        "work_date": row["work_date"].isoformat(),
        "kind": row["kind"],
        "verdict": row["verdict"] or "",
        "result": row["result"],
        "post_id": str(row["post_id"]) if row["post_id"] else None,
        "taken_at": row["taken_at"].isoformat(),
    }
