"""Detection of anomalies in a person's check-ins over several days. Pure functions; a finding asks a reviewer, it decides nothing."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise, product
from math import floor
from uuid import UUID

from services.attendance.policy import AnomalyThresholds
from services.attendance.reviews.schemas import AnomalyKind
from shared.china import haversine_m

COORDINATE_DECIMALS = 6
SAME_PLACE_TOLERANCE_DEG = 5e-6
"""Degrees, about half a metre: below the scatter of a real phone at the same desk every day."""
SECONDS_PER_HOUR = 3600
MAX_DEVICE_USERS = 20
Place = tuple[float, float]
"""(lon, lat), WGS-84."""


@dataclass(frozen=True, slots=True)
class CheckInEvidence:
    """A check-in as evidence: local time, position as (lon, lat) WGS-84, what the phone reported."""

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
    """One anomaly: kind, Chinese explanation, ids of the check-ins concerned."""

    kind: AnomalyKind
    words: str
    check_ins: tuple[UUID, ...]


def find_anomalies(
    work_date: date,
    evidence: Sequence[CheckInEvidence],
    others: Mapping[str, Sequence[tuple[str, datetime]]],
    rules: AnomalyThresholds,
) -> list[Anomaly]:
    """Returns the anomalies of a day, given the evidence of the days before.

    `others` maps a device to (other person, time).
    """
    today = [check_in for check_in in evidence if check_in.on == work_date]
    if not today:
        return []
    recent = [
        check_in
        for check_in in evidence
        if work_date - timedelta(days=rules.look_back_days) < check_in.on <= work_date
    ]
    anomalies = [
        *_find_reported_flags(today),
        *_find_same_place(today, recent, rules),
        *_find_impossible_speed(work_date, recent, rules),
    ]
    anomalies += [
        *_find_constant_precision(today, recent, rules),
        *_find_same_second(today, recent, rules),
        *_find_shared_devices(today, others, rules),
    ]
    return anomalies


def _find_reported_flags(today: Sequence[CheckInEvidence]) -> list[Anomaly]:
    """Finds mock locations and clock differences that the phone itself reported."""
    mocked = tuple(check_in.id for check_in in today if check_in.mock)
    clock_off = tuple(check_in.id for check_in in today if check_in.clock_off)
    anomalies = [Anomaly(AnomalyKind.MOCK, AnomalyKind.MOCK.label, mocked)] if mocked else []
    return (
        [*anomalies, Anomaly(AnomalyKind.CLOCK, AnomalyKind.CLOCK.label, clock_off)]
        if clock_off
        else anomalies
    )


def _find_same_place(
    today: Sequence[CheckInEvidence], recent: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    """Finds identical positions on many days, or positions within half a metre."""
    days: dict[tuple[float, float], set[date]] = defaultdict(set)
    for check_in in recent:
        if (place := _get_measured_place(check_in, rules)) is not None:
            days[_round_place(place)].add(check_in.on)
    placed = [
        (check_in.id, place)
        for check_in in today
        if (place := _get_measured_place(check_in, rules)) is not None
    ]
    same_counts = [(check_in_id, len(days[_round_place(place)])) for check_in_id, place in placed]
    hits = [(check_in_id, count) for check_in_id, count in same_counts if count >= rules.same_place_days]
    text = f"的坐标完全相同(小数点后 {COORDINATE_DECIMALS} 位)"
    if not hits:
        cells = _group_by_cell(days)
        near_counts = [(check_in_id, len(_find_days_near(place, cells))) for check_in_id, place in placed]
        hits = [(check_in_id, count) for check_in_id, count in near_counts if count >= rules.still_days]
        text = "的坐标相差不到半米"
    if not hits:
        return []
    text = f"{rules.look_back_days} 天内有 {hits[0][1]} 天{text}"
    return [Anomaly(AnomalyKind.SAME_PLACE, text, tuple(check_in_id for check_in_id, _ in hits))]


def _get_measured_place(check_in: CheckInEvidence, rules: AnomalyThresholds) -> tuple[float, float] | None:
    """Returns the position of a satellite or Wi-Fi fix; a cell tower's position is the same every day and proves nothing."""
    return (
        None if check_in.accuracy_m is not None and check_in.accuracy_m >= rules.network_m else check_in.place
    )


def _group_by_cell(
    days: Mapping[Place, set[date]],
) -> Mapping[tuple[int, int], list[tuple[Place, set[date]]]]:
    """Returns the positions by cells of SAME_PLACE_TOLERANCE_DEG, so that each is compared with its neighbours only."""
    cells: dict[tuple[int, int], list[tuple[Place, set[date]]]] = defaultdict(list)
    for place, dates in days.items():
        cells[_get_cell(place)].append((place, dates))
    return cells


def _get_cell(place: Place) -> tuple[int, int]:
    return floor(place[0] / SAME_PLACE_TOLERANCE_DEG), floor(place[1] / SAME_PLACE_TOLERANCE_DEG)


def _find_days_near(
    place: Place, cells: Mapping[tuple[int, int], list[tuple[Place, set[date]]]]
) -> set[date]:
    """Returns the days with a position within SAME_PLACE_TOLERANCE_DEG."""
    lon, lat = place
    column, row = _get_cell(place)
    neighbours = product((column - 1, column, column + 1), (row - 1, row, row + 1))
    return {
        work_date
        for cell in neighbours
        for (x, y), dates in cells.get(cell, ())
        if abs(x - lon) <= SAME_PLACE_TOLERANCE_DEG and abs(y - lat) <= SAME_PLACE_TOLERANCE_DEG
        for work_date in dates
    }


def _round_place(place: tuple[float, float]) -> tuple[float, float]:
    """Rounds a position to COORDINATE_DECIMALS."""
    return round(place[0], COORDINATE_DECIMALS), round(place[1], COORDINATE_DECIMALS)


def _find_impossible_speed(
    work_date: date, recent: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    """Finds consecutive check-ins further apart than a person can travel in the time."""
    placed = sorted(
        (check_in for check_in in recent if check_in.place is not None), key=lambda check_in: check_in.at
    )
    anomalies = []
    for before, after in pairwise(placed):
        if after.on != work_date or before.place is None or after.place is None:
            continue
        distance_m = (
            haversine_m(before.place, after.place) - (before.accuracy_m or 0) - (after.accuracy_m or 0)
        )
        hours = max((after.at - before.at).total_seconds(), 1) / SECONDS_PER_HOUR
        if distance_m > rules.speed_least_km * 1000 and distance_m / 1000 / hours > rules.speed_kmh:
            duration = "不到一分钟" if hours * 60 < 1 else f"{hours * 60:.0f} 分钟"
            text = f"{duration}内相距 {distance_m / 1000:.0f} 公里, 相当于每小时 {distance_m / 1000 / hours:.0f} 公里"
            anomalies.append(Anomaly(AnomalyKind.SPEED, text, (before.id, after.id)))
    return anomalies


def _find_constant_precision(
    today: Sequence[CheckInEvidence], recent: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    """Finds one identical, implausibly exact accuracy on many days."""
    exact_days = {
        check_in.on
        for check_in in recent
        if check_in.accuracy_m is not None and check_in.accuracy_m < rules.precise_m
    }
    values = {check_in.accuracy_m for check_in in recent if check_in.on in exact_days}
    if len(exact_days) < rules.precise_days or len(values) > 1 or today[0].on not in exact_days:
        return []
    text = f"有 {len(exact_days)} 天的定位精度恒为 {next(iter(values)):g} 米"
    return [Anomaly(AnomalyKind.PRECISE, text, tuple(check_in.id for check_in in today))]


def _find_same_second(
    today: Sequence[CheckInEvidence], recent: Sequence[CheckInEvidence], rules: AnomalyThresholds
) -> list[Anomaly]:
    """Finds check-ins at the same second of the day on many days."""
    days: dict[str, set[date]] = defaultdict(set)
    for check_in in recent:
        days[f"{check_in.at:%H:%M:%S}"].add(check_in.on)
    hits = [check_in for check_in in today if len(days[f"{check_in.at:%H:%M:%S}"]) >= rules.same_second_days]
    if not hits:
        return []
    text = f"有 {len(days[f'{hits[0].at:%H:%M:%S}'])} 天都在 {hits[0].at:%H:%M:%S} 这一秒打卡"
    return [Anomaly(AnomalyKind.SAME_SECOND, text, tuple(check_in.id for check_in in hits))]


def _find_shared_devices(
    today: Sequence[CheckInEvidence],
    others: Mapping[str, Sequence[tuple[str, datetime]]],
    rules: AnomalyThresholds,
) -> list[Anomaly]:
    """Finds phones that other persons used within `device_hours`."""
    span = timedelta(hours=rules.device_hours)
    anomalies = []
    for device in sorted({check_in.device for check_in in today if check_in.device}):
        own = [check_in for check_in in today if check_in.device == device]
        users = _find_other_users(own, others.get(device, ()), span)
        if users:
            count = f"{len(users)} 人" if len(users) < MAX_DEVICE_USERS else f"{MAX_DEVICE_USERS} 人以上"
            text = f"{rules.device_hours} 小时内这部手机还为另外 {count}打卡"
            anomalies.append(Anomaly(AnomalyKind.SHARED_DEVICE, text, tuple(check_in.id for check_in in own)))
    return anomalies


def _find_other_users(
    own: Sequence[CheckInEvidence], others: Sequence[tuple[str, datetime]], span: timedelta
) -> set[str]:
    """Returns other persons who used the phone near one of these times, at most MAX_DEVICE_USERS."""
    users: set[str] = set()
    times = sorted(check_in.at for check_in in own)
    for person, at in others:
        nearest = bisect_left(times, at - span)
        if nearest < len(times) and times[nearest] <= at + span:
            users.add(person)
            if len(users) >= MAX_DEVICE_USERS:
                break
    return users
