"""What is odd about a person's check-ins of some days, seen together. Pure; a finding is a question, not a verdict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from services.attendance.policy import Evidence
from services.attendance.reviews.kinds import Oddity
from shared.places import metres

DECIMALS = 6
STILL = 5e-6
"""Degrees: half a metre, less than any phone that is carried to the same desk every day."""
HOUR_S = 3600
CROWD = 20


@dataclass(frozen=True, slots=True)
class Trace:
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
class Odd:
    """One oddity: what, in words, and the check-ins it is about."""

    kind: Oddity
    words: str
    check_ins: tuple[UUID, ...]


def oddities(
    on: date, traces: Sequence[Trace], others: Mapping[str, Sequence[tuple[str, datetime]]], rules: Evidence
) -> list[Odd]:
    """What is odd about a day, given the days before it. `others`: device → (another person, when)."""
    today = [one for one in traces if one.on == on]
    if not today:
        return []
    past = [one for one in traces if on - timedelta(days=rules.look_back_days) < one.on <= on]
    found = [*_said(today), *_same_place(today, past, rules), *_speed(on, past, rules)]
    found += [
        *_precise(today, past, rules),
        *_same_second(today, past, rules),
        *_shared(today, others, rules),
    ]
    return found


def _said(today: Sequence[Trace]) -> list[Odd]:
    mocked = tuple(one.id for one in today if one.mock)
    off = tuple(one.id for one in today if one.clock_off)
    found = [Odd(Oddity.MOCK, Oddity.MOCK.label, mocked)] if mocked else []
    return [*found, Odd(Oddity.CLOCK, Oddity.CLOCK.label, off)] if off else found


def _same_place(today: Sequence[Trace], past: Sequence[Trace], rules: Evidence) -> list[Odd]:
    days: dict[tuple[float, float], set[date]] = defaultdict(set)
    for one in past:
        if (place := _measured(one, rules)) is not None:
            days[_exact(place)].add(one.on)
    placed = [(one.id, place) for one in today if (place := _measured(one, rules)) is not None]
    same = [(id_, len(days[_exact(place)])) for id_, place in placed]
    hits = [(id_, count) for id_, count in same if count >= rules.same_place_days]
    words = f"的坐标完全相同(小数点后 {DECIMALS} 位)"
    if not hits:
        near = [(id_, len(_days_near(place, days))) for id_, place in placed]
        hits = [(id_, count) for id_, count in near if count >= rules.still_days]
        words = "的坐标相差不到半米"
    if not hits:
        return []
    words = f"{rules.look_back_days} 天内有 {hits[0][1]} 天{words}"
    return [Odd(Oddity.SAME_PLACE, words, tuple(id_ for id_, _ in hits))]


def _measured(one: Trace, rules: Evidence) -> tuple[float, float] | None:
    """The place of a satellite or Wi-Fi fix; a mast's place is the same every day and shows nothing."""
    return None if one.accuracy_m is not None and one.accuracy_m >= rules.network_m else one.place


def _days_near(place: tuple[float, float], days: Mapping[tuple[float, float], set[date]]) -> set[date]:
    lon, lat = place
    return {
        on
        for (x, y), there in days.items()
        if abs(x - lon) <= STILL and abs(y - lat) <= STILL
        for on in there
    }


def _exact(place: tuple[float, float]) -> tuple[float, float]:
    return round(place[0], DECIMALS), round(place[1], DECIMALS)


def _speed(on: date, past: Sequence[Trace], rules: Evidence) -> list[Odd]:
    placed = sorted((one for one in past if one.place is not None), key=lambda one: one.at)
    found = []
    for before, after in pairwise(placed):
        if after.on != on or before.place is None or after.place is None:
            continue
        away = metres(before.place, after.place) - (before.accuracy_m or 0) - (after.accuracy_m or 0)
        hours = max((after.at - before.at).total_seconds(), 1) / HOUR_S
        if away > rules.speed_least_km * 1000 and away / 1000 / hours > rules.speed_kmh:
            spent = "不到一分钟" if hours * 60 < 1 else f"{hours * 60:.0f} 分钟"
            words = f"{spent}内相距 {away / 1000:.0f} 公里, 相当于每小时 {away / 1000 / hours:.0f} 公里"
            found.append(Odd(Oddity.SPEED, words, (before.id, after.id)))
    return found


def _precise(today: Sequence[Trace], past: Sequence[Trace], rules: Evidence) -> list[Odd]:
    exact = {one.on for one in past if one.accuracy_m is not None and one.accuracy_m < rules.precise_m}
    values = {one.accuracy_m for one in past if one.on in exact}
    if len(exact) < rules.precise_days or len(values) > 1 or today[0].on not in exact:
        return []
    words = f"有 {len(exact)} 天的定位精度恒为 {next(iter(values)):g} 米"
    return [Odd(Oddity.PRECISE, words, tuple(one.id for one in today))]


def _same_second(today: Sequence[Trace], past: Sequence[Trace], rules: Evidence) -> list[Odd]:
    days: dict[str, set[date]] = defaultdict(set)
    for one in past:
        days[f"{one.at:%H:%M:%S}"].add(one.on)
    hits = [one for one in today if len(days[f"{one.at:%H:%M:%S}"]) >= rules.same_second_days]
    if not hits:
        return []
    words = f"有 {len(days[f'{hits[0].at:%H:%M:%S}'])} 天都在 {hits[0].at:%H:%M:%S} 这一秒打卡"
    return [Odd(Oddity.SAME_SECOND, words, tuple(one.id for one in hits))]


def _shared(
    today: Sequence[Trace], others: Mapping[str, Sequence[tuple[str, datetime]]], rules: Evidence
) -> list[Odd]:
    span = timedelta(hours=rules.device_hours)
    found = []
    for device in sorted({one.device for one in today if one.device}):
        mine = [one for one in today if one.device == device]
        who = _beside(mine, others.get(device, ()), span)
        if who:
            count = f"{len(who)} 人" if len(who) < CROWD else f"{CROWD} 人以上"
            words = f"{rules.device_hours} 小时内这部手机还为另外 {count}打卡"
            found.append(Odd(Oddity.SHARED_DEVICE, words, tuple(one.id for one in mine)))
    return found


def _beside(mine: Sequence[Trace], others: Sequence[tuple[str, datetime]], span: timedelta) -> set[str]:
    """Who else used the phone near one of these times; a crowd need not be counted to its end."""
    who: set[str] = set()
    for person, at in others:
        if any(abs(one.at - at) <= span for one in mine):
            who.add(person)
            if len(who) >= CROWD:
                break
    return who
