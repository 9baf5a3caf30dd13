"""Simulated check-ins of a month: honest persons in unusual situations, and cheats.

`python -m tests.attendance.location_traces` prints how many days raise an anomaly.
"""

import math
import random
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache

from services.attendance.policy import AnomalyThresholds
from services.attendance.reviews.calculation import CheckInEvidence, find_anomalies
from services.attendance.reviews.schemas import AnomalyKind
from shared.db import new_id
from shared.unit_of_work import CHINA_TIME_ZONE
from tests.attendance.factories_attendance import DEGREES_PER_METRE_NORTH, HALL_POSITION

EVIDENCE_RULES = AnomalyThresholds(
    same_place_days=4, network_m=200, still_days=6, speed_kmh=160, speed_least_km=3, precise_m=3, precise_days=6,
    device_hours=24, same_second_days=4, look_back_days=14,
)  # fmt: skip
FIRST_DAY = date(2024, 5, 1)
DAY_COUNT = 22
HONEST_KINDS = (
    "ordinary", "old_phone", "tunnel", "two_villages", "good_phone", "no_signal", "dormitory", "mast_only",
    "punctual", "herder", "district_and_back", "two_phones",
)  # fmt: skip


def build_instant(on: date, hour: int, second: int) -> datetime:
    return datetime.combine(on, time(hour), CHINA_TIME_ZONE) + timedelta(seconds=second)


def build_trace(
    on: date, at: datetime, place: tuple[float, float] | None, accuracy: float | None, **changes: object
) -> CheckInEvidence:
    values: dict[str, object] = {"device": "own", "mock": False, "clock_off": False, **changes}
    return CheckInEvidence(id=new_id(), on=on, at=at, place=place, accuracy_m=accuracy, **values)  # type: ignore[arg-type]


def random_point_near(
    rng: random.Random, spread_m: float, centre: tuple[float, float] = HALL_POSITION
) -> tuple[float, float]:
    angle, distance_m = rng.uniform(0, 2 * math.pi), abs(rng.gauss(0, spread_m))
    north, east = distance_m * math.sin(angle), distance_m * math.cos(angle)
    return round(centre[0] + east * DEGREES_PER_METRE_NORTH / 0.79, 7), round(
        centre[1] + north * DEGREES_PER_METRE_NORTH, 7
    )


def generate_month(rng: random.Random, kind: str) -> Iterator[CheckInEvidence]:  # noqa: C901 - a table of kinds
    """Yields the evidence of an honest person in an unusual situation."""
    second_village, town = (
        (HALL_POSITION[0] + 0.12, HALL_POSITION[1] + 0.05),
        (HALL_POSITION[0] + 0.3, HALL_POSITION[1] + 0.25),
    )
    for on in (FIRST_DAY + timedelta(days=n) for n in range(DAY_COUNT)):
        morning, evening = (
            build_instant(on, 8, rng.randrange(3600)),
            build_instant(on, 18, rng.randrange(3600)),
        )
        match kind:
            case "old_phone":
                yield build_trace(on, morning, random_point_near(rng, 60), rng.choice([None, 80.0, 120.0]))
            case "tunnel":
                yield build_trace(on, morning, random_point_near(rng, 300), 400.0)
                yield build_trace(on, evening, random_point_near(rng, 8), rng.uniform(4, 20))
            case "two_villages":
                yield build_trace(on, morning, random_point_near(rng, 8), rng.uniform(4, 20))
                yield build_trace(on, evening, random_point_near(rng, 8, second_village), rng.uniform(4, 20))
            case "good_phone":
                yield build_trace(on, morning, random_point_near(rng, 3), round(rng.uniform(2.0, 6.0), 1))
            case "no_signal":
                yield build_trace(on, morning, None, None)
            case "mast_only":  # no satellites in the valley: the cell tower's position every day
                yield build_trace(on, morning, (HALL_POSITION[0] + 0.004, HALL_POSITION[1]), 600.0)
            case "punctual":  # an alarm at eight, a check-in within 40 s
                yield build_trace(
                    on,
                    build_instant(on, 8, rng.randrange(40)),
                    random_point_near(rng, 10),
                    rng.uniform(4, 30),
                )
            case "herder":  # follows the herd, 15 km on horseback and by motorbike
                yield build_trace(on, morning, random_point_near(rng, 50), rng.uniform(6, 40))
                yield build_trace(
                    on,
                    build_instant(on, 12, rng.randrange(3600)),
                    random_point_near(rng, 200, second_village),
                    rng.uniform(6, 40),
                )
                yield build_trace(on, evening, random_point_near(rng, 50), rng.uniform(6, 40))
            case "district_and_back":  # 40 km by car before noon, back in the afternoon
                yield build_trace(
                    on,
                    build_instant(on, 8, rng.randrange(60)),
                    random_point_near(rng, 8),
                    rng.uniform(4, 20),
                )
                yield build_trace(
                    on,
                    build_instant(on, 9, rng.randrange(60)),
                    random_point_near(rng, 8, town),
                    rng.uniform(4, 20),
                )
                yield build_trace(on, evening, random_point_near(rng, 8), rng.uniform(4, 20))
            case "two_phones":
                device = rng.choice(["own", "second"])
                yield build_trace(on, morning, random_point_near(rng, 10), rng.uniform(4, 30), device=device)
            case _:
                yield build_trace(on, morning, random_point_near(rng, 10), rng.uniform(4, 30))
                yield build_trace(on, evening, random_point_near(rng, 10), rng.uniform(4, 30))


def random_point_within(rng: random.Random, degrees: float) -> tuple[float, float]:
    return HALL_POSITION[0] + rng.uniform(-degrees, degrees), HALL_POSITION[1] + rng.uniform(
        -degrees, degrees
    )


CheatTraces = dict[str, tuple[list[CheckInEvidence], AnomalyKind]]


def build_cheats() -> CheatTraces:
    """Returns cheat → (evidence of ten days, kind of anomaly that must be found)."""
    rng = random.Random(7)
    days = [FIRST_DAY + timedelta(days=n) for n in range(10)]
    normal = [
        build_trace(
            on, build_instant(on, 8, rng.randrange(3600)), random_point_near(rng, 8), rng.uniform(4, 20)
        )
        for on in days
    ]
    return _build_repeated_places(rng, days, normal) | _build_other_cheats(rng, days, normal)


def _build_repeated_places(
    rng: random.Random, days: list[date], normal: list[CheckInEvidence]
) -> CheatTraces:
    return {
        "virtual location, always one point": (
            [
                build_trace(on, build_instant(on, 8, rng.randrange(3600)), HALL_POSITION, rng.uniform(4, 20))
                for on in days
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "virtual location, two points in turn": (
            [
                build_trace(
                    on,
                    build_instant(on, 8, rng.randrange(3600)),
                    (HALL_POSITION[0] + at % 2 / 1000, HALL_POSITION[1]),
                    12.0,
                )
                for at, on in enumerate(days)
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "virtual location, shaken by a decimetre": (
            [
                build_trace(
                    on,
                    build_instant(on, 8, rng.randrange(3600)),
                    random_point_within(rng, 1e-6),
                    rng.uniform(4, 20),
                )
                for on in days
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "a week's places played again": (
            [
                build_trace(
                    on, build_instant(on, 8, rng.randrange(3600)), normal[at % 2].place, rng.uniform(4, 20)
                )
                for at, on in enumerate(days)
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "the emulator knows no accuracy": (
            [build_trace(on, build_instant(on, 8, rng.randrange(3600)), HALL_POSITION, None) for on in days],
            AnomalyKind.SAME_PLACE,
        ),
    }


def _build_other_cheats(rng: random.Random, days: list[date], normal: list[CheckInEvidence]) -> CheatTraces:
    city, last = (HALL_POSITION[0] + 1.2, HALL_POSITION[1] + 0.4), days[-1]
    return {
        "mock location reported by the phone": (
            [*normal, build_trace(last, build_instant(last, 9, 5), HALL_POSITION, 5.0, mock=True)],
            AnomalyKind.MOCK,
        ),
        "emulator, always one exact accuracy": (
            [
                build_trace(on, build_instant(on, 8, rng.randrange(3600)), random_point_near(rng, 1), 1.0)
                for on in days
            ],
            AnomalyKind.PRECISE,
        ),
        "a script at the same second": (
            [
                build_trace(on, build_instant(on, 8, 1), random_point_near(rng, 8), rng.uniform(4, 20))
                for on in days
            ],
            AnomalyKind.SAME_SECOND,
        ),
        "in the city twenty minutes later": (
            [*normal, build_trace(last, normal[-1].at + timedelta(minutes=20), city, 10.0)],
            AnomalyKind.SPEED,
        ),
        "in two provinces within a night": (
            [
                *normal[:-1],
                build_trace(
                    last, normal[-2].at + timedelta(hours=3), (HALL_POSITION[0] + 9, HALL_POSITION[1]), 10.0
                ),
            ],
            AnomalyKind.SPEED,
        ),
        "the clock turned back": (
            [*normal, build_trace(last, build_instant(last, 9, 5), HALL_POSITION, 5.0, clock_off=True)],
            AnomalyKind.CLOCK,
        ),
    }


@cache
def count_false_alarms(kind: str, people: int = 20) -> tuple[int, int]:
    """Returns (days with an anomaly, days) of `people` honest persons of a kind."""
    rng = random.Random(kind)
    flagged = days = 0
    for _ in range(people):
        evidence = list(generate_month(rng, kind))
        # A dormitory: another person checks in at the same place with another phone.
        others = {"another": [("wang", trace.at) for trace in evidence]}
        for on in sorted({trace.on for trace in evidence}):
            days += 1
            flagged += bool(find_anomalies(on, evidence, others, EVIDENCE_RULES))
    return flagged, days


@cache
def first_detection_day(name: str) -> int | None:
    """Returns the day number on which a cheat is first found, or None."""
    evidence, kind = build_cheats()[name]
    for day in range(10):
        anomalies = find_anomalies(FIRST_DAY + timedelta(days=day), evidence, {}, EVIDENCE_RULES)
        if kind in {anomaly.kind for anomaly in anomalies}:
            return day + 1
    return None


def format_report() -> str:
    """Returns the detection figures per kind as text."""
    lines = []
    for kind in HONEST_KINDS:
        flagged, days = count_false_alarms(kind)
        lines.append(f"honest {kind:40s} {flagged:4d} of {days} days = {flagged / days:.2%}")
    lines += [f"cheat  {name:40s} found on day {first_detection_day(name)}" for name in build_cheats()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(format_report() + "\n")
