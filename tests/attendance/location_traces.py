"""Traces of a month as phones leave them: honest but odd people, and cheats. `python -m tests.attendance.traces`."""

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
    given: dict[str, object] = {"device": "own", "mock": False, "clock_off": False, **changes}
    return CheckInEvidence(id=new_id(), on=on, at=at, place=place, accuracy_m=accuracy, **given)  # type: ignore[arg-type]


def random_point_near(
    dice: random.Random, spread_m: float, centre: tuple[float, float] = HALL_POSITION
) -> tuple[float, float]:
    turn, away = dice.uniform(0, 2 * math.pi), abs(dice.gauss(0, spread_m))
    north, east = away * math.sin(turn), away * math.cos(turn)
    return round(centre[0] + east * DEGREES_PER_METRE_NORTH / 0.79, 7), round(
        centre[1] + north * DEGREES_PER_METRE_NORTH, 7
    )


def generate_month(dice: random.Random, kind: str) -> Iterator[CheckInEvidence]:  # noqa: C901 - a table of kinds
    """The traces of an honest but odd person."""
    second_village, town = (
        (HALL_POSITION[0] + 0.12, HALL_POSITION[1] + 0.05),
        (HALL_POSITION[0] + 0.3, HALL_POSITION[1] + 0.25),
    )
    for on in (FIRST_DAY + timedelta(days=n) for n in range(DAY_COUNT)):
        morning, evening = (
            build_instant(on, 8, dice.randrange(3600)),
            build_instant(on, 18, dice.randrange(3600)),
        )
        match kind:
            case "old_phone":
                yield build_trace(on, morning, random_point_near(dice, 60), dice.choice([None, 80.0, 120.0]))
            case "tunnel":
                yield build_trace(on, morning, random_point_near(dice, 300), 400.0)
                yield build_trace(on, evening, random_point_near(dice, 8), dice.uniform(4, 20))
            case "two_villages":
                yield build_trace(on, morning, random_point_near(dice, 8), dice.uniform(4, 20))
                yield build_trace(
                    on, evening, random_point_near(dice, 8, second_village), dice.uniform(4, 20)
                )
            case "good_phone":
                yield build_trace(on, morning, random_point_near(dice, 3), round(dice.uniform(2.0, 6.0), 1))
            case "no_signal":
                yield build_trace(on, morning, None, None)
            case "mast_only":  # no satellites in the valley: the mast's own place, every day
                yield build_trace(on, morning, (HALL_POSITION[0] + 0.004, HALL_POSITION[1]), 600.0)
            case "punctual":  # an alarm at eight, and the thumb half a minute later
                yield build_trace(
                    on,
                    build_instant(on, 8, dice.randrange(40)),
                    random_point_near(dice, 10),
                    dice.uniform(4, 30),
                )
            case "herder":  # follows the herd, 15 km on horseback and by motorbike
                yield build_trace(on, morning, random_point_near(dice, 50), dice.uniform(6, 40))
                yield build_trace(
                    on,
                    build_instant(on, 12, dice.randrange(3600)),
                    random_point_near(dice, 200, second_village),
                    dice.uniform(6, 40),
                )
                yield build_trace(on, evening, random_point_near(dice, 50), dice.uniform(6, 40))
            case "district_and_back":  # 40 km by car before noon, back in the afternoon
                yield build_trace(
                    on,
                    build_instant(on, 8, dice.randrange(60)),
                    random_point_near(dice, 8),
                    dice.uniform(4, 20),
                )
                yield build_trace(
                    on,
                    build_instant(on, 9, dice.randrange(60)),
                    random_point_near(dice, 8, town),
                    dice.uniform(4, 20),
                )
                yield build_trace(on, evening, random_point_near(dice, 8), dice.uniform(4, 20))
            case "two_phones":
                device = dice.choice(["own", "second"])
                yield build_trace(
                    on, morning, random_point_near(dice, 10), dice.uniform(4, 30), device=device
                )
            case _:
                yield build_trace(on, morning, random_point_near(dice, 10), dice.uniform(4, 30))
                yield build_trace(on, evening, random_point_near(dice, 10), dice.uniform(4, 30))


def random_point_within(dice: random.Random, by: float) -> tuple[float, float]:
    return HALL_POSITION[0] + dice.uniform(-by, by), HALL_POSITION[1] + dice.uniform(-by, by)


CheatTraces = dict[str, tuple[list[CheckInEvidence], AnomalyKind]]


def build_cheats() -> CheatTraces:
    """Ten days of each cheat, and what it is asked about as."""
    dice = random.Random(7)
    days = [FIRST_DAY + timedelta(days=n) for n in range(10)]
    normal = [
        build_trace(
            on, build_instant(on, 8, dice.randrange(3600)), random_point_near(dice, 8), dice.uniform(4, 20)
        )
        for on in days
    ]
    return _build_repeated_places(dice, days, normal) | _build_other_cheats(dice, days, normal)


def _build_repeated_places(
    dice: random.Random, days: list[date], normal: list[CheckInEvidence]
) -> CheatTraces:
    return {
        "virtual location, always one point": (
            [
                build_trace(
                    on, build_instant(on, 8, dice.randrange(3600)), HALL_POSITION, dice.uniform(4, 20)
                )
                for on in days
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "virtual location, two points in turn": (
            [
                build_trace(
                    on,
                    build_instant(on, 8, dice.randrange(3600)),
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
                    build_instant(on, 8, dice.randrange(3600)),
                    random_point_within(dice, 1e-6),
                    dice.uniform(4, 20),
                )
                for on in days
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "a week's places played again": (
            [
                build_trace(
                    on, build_instant(on, 8, dice.randrange(3600)), normal[at % 2].place, dice.uniform(4, 20)
                )
                for at, on in enumerate(days)
            ],
            AnomalyKind.SAME_PLACE,
        ),
        "the emulator knows no accuracy": (
            [build_trace(on, build_instant(on, 8, dice.randrange(3600)), HALL_POSITION, None) for on in days],
            AnomalyKind.SAME_PLACE,
        ),
    }


def _build_other_cheats(dice: random.Random, days: list[date], normal: list[CheckInEvidence]) -> CheatTraces:
    city, last = (HALL_POSITION[0] + 1.2, HALL_POSITION[1] + 0.4), days[-1]
    return {
        "virtual location said so": (
            [*normal, build_trace(last, build_instant(last, 9, 5), HALL_POSITION, 5.0, mock=True)],
            AnomalyKind.MOCK,
        ),
        "emulator, always one exact accuracy": (
            [
                build_trace(on, build_instant(on, 8, dice.randrange(3600)), random_point_near(dice, 1), 1.0)
                for on in days
            ],
            AnomalyKind.PRECISE,
        ),
        "a script at the same second": (
            [
                build_trace(on, build_instant(on, 8, 1), random_point_near(dice, 8), dice.uniform(4, 20))
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
    """(days asked about, days) of so many honest people of a kind."""
    dice = random.Random(kind)
    asked = days = 0
    for _ in range(people):
        traces = list(generate_month(dice, kind))
        # A dormitory: others sleep and tap in the same house, each with a phone of their own.
        others = {"another": [("wang", one.at) for one in traces]}
        for on in sorted({one.on for one in traces}):
            days += 1
            asked += bool(find_anomalies(on, traces, others, EVIDENCE_RULES))
    return asked, days


@cache
def first_detection_day(name: str) -> int | None:
    """On which day a cheat is asked about first; None when never."""
    traces, kind = build_cheats()[name]
    for day in range(10):
        found = find_anomalies(FIRST_DAY + timedelta(days=day), traces, {}, EVIDENCE_RULES)
        if kind in {one.kind for one in found}:
            return day + 1
    return None


def format_report() -> str:
    """What is asked about, per kind."""
    lines = []
    for kind in HONEST_KINDS:
        asked, days = count_false_alarms(kind)
        lines.append(f"honest {kind:40s} {asked:4d} of {days} days = {asked / days:.2%}")
    lines += [f"cheat  {name:40s} asked about on day {first_detection_day(name)}" for name in build_cheats()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(format_report() + "\n")
