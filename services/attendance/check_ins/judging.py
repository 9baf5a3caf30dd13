"""How one check-in stands: to the fences of the day, and to what is odd about its evidence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.attendance.check_ins.schemas import CheckInPost, Flag, Result
from services.attendance.policy import Limits
from services.attendance.posts.stationing import Station
from shared.fences import Standing, Verdict, verdict
from shared.places import Point

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found about one check-in."""

    result: Result
    station: Station | None
    verdict: Verdict | None
    flags: tuple[Flag, ...]
    words: str
    place: Point | None
    """The fix in WGS-84."""


def work_date(taken_at: datetime, limits: Limits) -> date:
    """The day a punch belongs to: before `day_starts_hour` it is still the evening before."""
    local = taken_at.astimezone(CHINA)
    return local.date() - timedelta(days=local.hour < limits.day_starts_hour)


def judge(
    sent: CheckInPost, day: date, stations: Sequence[Station], limits: Limits, received_at: datetime
) -> Judgement:
    """Inside, outside or unsure, with distance and margin; odd evidence is held for a person, never thrown away."""
    here = [station for station in stations if station.on(day)]
    flags = _odd(sent, limits, received_at)
    place = sent.fix.wgs84() if sent.fix else None
    found: tuple[Station, Verdict] | None = None
    if not here:
        flags.append(Flag.NO_POST)
    elif sent.fix is None or place is None:
        flags.append(Flag.NO_FIX)
    else:
        found = _nearest(here, place, sent.fix.accuracy_m, limits)
    held = bool(flags) or (found is not None and found[1].kind is Standing.UNSURE)
    result = Result.HELD if held else Result.APPLIED
    station = found[0] if found else here[0] if here else None
    return Judgement(result, station, found[1] if found else None, tuple(flags), _words(found, flags), place)


def _nearest(
    here: Sequence[Station], place: Point, accuracy_m: float | None, limits: Limits
) -> tuple[Station, Verdict]:
    """Among several posts the one that suits the fix best."""
    owners = [station for station in here for _ in station.fences]
    fences = [fence for station in here for fence in station.fences]
    best = verdict(fences, place, accuracy_m, unstated_m=limits.unstated_m)
    return owners[best.fence], best


def _odd(sent: CheckInPost, limits: Limits, received_at: datetime) -> list[Flag]:
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


def _words(found: tuple[Station, Verdict] | None, flags: Sequence[Flag]) -> str:
    parts = []
    if found is not None:
        station, stands = found
        match stands.kind:
            case Standing.INSIDE:
                parts.append(f"在{station.name}围栏内")
            case Standing.OUTSIDE:
                parts.append(f"在{station.name}围栏外约 {stands.distance_m:.0f} 米")
            case Standing.UNSURE:
                parts.append(f"在{station.name}围栏边界附近, 定位误差内无法判定")
    parts += [flag.label for flag in flags]
    held = bool(flags) or (found is not None and found[1].kind is Standing.UNSURE)
    return "; ".join(parts) + (", 已转人工复核" if held else "")
