"""What is odd about a person's check-ins of some days, seen together. Pure; a finding is a question, not a verdict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from services.attendance.policy import AnomalyThresholds
from services.attendance.reviews.schemas import AnomalyKind
from shared.china import haversine_m

COORDINATE_DECIMALS = 6
SAME_PLACE_TOLERANCE_DEG = 5e-6
"""Degrees: half a metre, less than any phone that is carried to the same desk every day."""
SECONDS_PER_HOUR = 3600
MAX_DEVICE_USERS = 20


@dataclass(frozen=True, slots=True)
class CheckInEvidence:
    """A check-in as evidence: local time, place as sent, what the phone said."""

    id: UUID
    on: date
    at: datetime
    place: tuple[float, float] | None
    accuracy_m: float | None
    device: str
    mock: bool
    clock_off: bool


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One oddity: what, in words, and the check-ins it is about."""

    kind: AnomalyKind
    words: str
    check_ins: tuple[UUID, ...]


def find_anomalies(
    on: date,
    traces: Sequence[CheckInEvidence],
    others: Mapping[str, Sequence[tuple[str, datetime]]],
    rules: AnomalyThresholds,
) -> list[Anomaly]:
    """What is odd about a day, given the days before it. `others`: device → (another person, when)."""
    today = [one for one in traces if one.on == on]
    if not today:
        return []
    past = [one for one in traces if on - timedelta(days=rules.look_back_days) < one.on <= on]
    found = [
        *_find_reported_flags(today),
        *_find_same_place(today, past, rules),
        *_find_impossible_speed(on, past, rules),
    ]
    found += [
        *_find_constant_precision(today, past, rules),
        *_find_same_second(today, past, rules),
        *_find_shared_devices(today, others, rules),
    ]
    return found


def _find_reported_flags(today: Sequence[CheckInEvidence]) -> list[Anomaly]:
    mocked = tuple(one.id for one in today if one.mock)
    off = tuple(one.id for one in today if one.clock_off)
    found = [Anomaly(AnomalyKind.MOCK, AnomalyKind.MOCK.label, mocked)] if mocked else []
    return [*found, Anomaly(AnomalyKind.CLOCK, AnomalyKind.CLOCK.label, off)] if off else found


def _find_same_place(
    today: Sequence[CheckInEvidence], past: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    days: dict[tuple[float, float], set[date]] = defaultdict(set)
    for one in past:
        if (place := _get_measured_place(one, rules)) is not None:
            days[_round_place(place)].add(one.on)
    placed = [(one.id, place) for one in today if (place := _get_measured_place(one, rules)) is not None]
    same = [(id_, len(days[_round_place(place)])) for id_, place in placed]
    hits = [(id_, count) for id_, count in same if count >= rules.same_place_days]
    words = f"的坐标完全相同(小数点后 {COORDINATE_DECIMALS} 位)"
    if not hits:
        near = [(id_, len(_find_days_near(place, days))) for id_, place in placed]
        hits = [(id_, count) for id_, count in near if count >= rules.still_days]
        words = "的坐标相差不到半米"
    if not hits:
        return []
    words = f"{rules.look_back_days} 天内有 {hits[0][1]} 天{words}"
    return [Anomaly(AnomalyKind.SAME_PLACE, words, tuple(id_ for id_, _ in hits))]


def _get_measured_place(one: CheckInEvidence, rules: AnomalyThresholds) -> tuple[float, float] | None:
    """The place of a satellite or Wi-Fi fix; a mast's place is the same every day and shows nothing."""
    return None if one.accuracy_m is not None and one.accuracy_m >= rules.network_m else one.place


def _find_days_near(place: tuple[float, float], days: Mapping[tuple[float, float], set[date]]) -> set[date]:
    lon, lat = place
    return {
        on
        for (x, y), there in days.items()
        if abs(x - lon) <= SAME_PLACE_TOLERANCE_DEG and abs(y - lat) <= SAME_PLACE_TOLERANCE_DEG
        for on in there
    }


def _round_place(place: tuple[float, float]) -> tuple[float, float]:
    return round(place[0], COORDINATE_DECIMALS), round(place[1], COORDINATE_DECIMALS)


def _find_impossible_speed(
    on: date, past: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    placed = sorted((one for one in past if one.place is not None), key=lambda one: one.at)
    found = []
    for before, after in pairwise(placed):
        if after.on != on or before.place is None or after.place is None:
            continue
        away = haversine_m(before.place, after.place) - (before.accuracy_m or 0) - (after.accuracy_m or 0)
        hours = max((after.at - before.at).total_seconds(), 1) / SECONDS_PER_HOUR
        if away > rules.speed_least_km * 1000 and away / 1000 / hours > rules.speed_kmh:
            spent = "不到一分钟" if hours * 60 < 1 else f"{hours * 60:.0f} 分钟"
            words = f"{spent}内相距 {away / 1000:.0f} 公里, 相当于每小时 {away / 1000 / hours:.0f} 公里"
            found.append(Anomaly(AnomalyKind.SPEED, words, (before.id, after.id)))
    return found


def _find_constant_precision(
    today: Sequence[CheckInEvidence], past: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    exact = {one.on for one in past if one.accuracy_m is not None and one.accuracy_m < rules.precise_m}
    values = {one.accuracy_m for one in past if one.on in exact}
    if len(exact) < rules.precise_days or len(values) > 1 or today[0].on not in exact:
        return []
    words = f"有 {len(exact)} 天的定位精度恒为 {next(iter(values)):g} 米"
    return [Anomaly(AnomalyKind.PRECISE, words, tuple(one.id for one in today))]


def _find_same_second(
    today: Sequence[CheckInEvidence], past: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    days: dict[str, set[date]] = defaultdict(set)
    for one in past:
        days[f"{one.at:%H:%M:%S}"].add(one.on)
    hits = [one for one in today if len(days[f"{one.at:%H:%M:%S}"]) >= rules.same_second_days]
    if not hits:
        return []
    words = f"有 {len(days[f'{hits[0].at:%H:%M:%S}'])} 天都在 {hits[0].at:%H:%M:%S} 这一秒打卡"
    return [Anomaly(AnomalyKind.SAME_SECOND, words, tuple(one.id for one in hits))]


def _find_shared_devices(
    today: Sequence[CheckInEvidence],
    others: Mapping[str, Sequence[tuple[str, datetime]]],
    rules: AnomalyThresholds,
) -> list[Anomaly]:
    span = timedelta(hours=rules.device_hours)
    found = []
    for device in sorted({one.device for one in today if one.device}):
        mine = [one for one in today if one.device == device]
        who = _find_other_users(mine, others.get(device, ()), span)
        if who:
            count = f"{len(who)} 人" if len(who) < MAX_DEVICE_USERS else f"{MAX_DEVICE_USERS} 人以上"
            words = f"{rules.device_hours} 小时内这部手机还为另外 {count}打卡"
            found.append(Anomaly(AnomalyKind.SHARED_DEVICE, words, tuple(one.id for one in mine)))
    return found


def _find_other_users(
    mine: Sequence[CheckInEvidence], others: Sequence[tuple[str, datetime]], span: timedelta
) -> set[str]:
    """Who else used the phone near one of these times; a crowd need not be counted to its end."""
    who: set[str] = set()
    for person, at in others:
        if any(abs(one.at - at) <= span for one in mine):
            who.add(person)
            if len(who) >= MAX_DEVICE_USERS:
                break
    return who
