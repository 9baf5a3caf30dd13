"""Traces of a month as phones leave them: honest but odd people, and cheats. `python -m tests.attendance.traces`."""

import math
import random
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache

from services.attendance.policy import Evidence
from services.attendance.reviews.evidence import Trace, oddities
from services.attendance.reviews.kinds import Oddity
from shared.ids import new_id
from shared.work import CHINA
from tests.attendance.world import HALL, METRE_NORTH

RULES = Evidence(
    same_place_days=4, network_m=200, still_days=6, speed_kmh=160, speed_least_km=3, precise_m=3, precise_days=6,
    device_hours=24, same_second_days=4, look_back_days=14,
)  # fmt: skip
FIRST = date(2024, 5, 1)
DAYS = 22
HONEST = (
    "ordinary", "old_phone", "tunnel", "two_villages", "good_phone", "no_signal", "dormitory", "mast_only",
    "punctual", "herder", "district_and_back", "two_phones",
)  # fmt: skip


def when(on: date, hour: int, second: int) -> datetime:
    return datetime.combine(on, time(hour), CHINA) + timedelta(seconds=second)


def trace(
    on: date, at: datetime, place: tuple[float, float] | None, accuracy: float | None, **changes: object
) -> Trace:
    given: dict[str, object] = {"device": "own", "mock": False, "clock_off": False, **changes}
    return Trace(id=new_id(), on=on, at=at, place=place, accuracy_m=accuracy, **given)  # type: ignore[arg-type]


def near(dice: random.Random, spread_m: float, centre: tuple[float, float] = HALL) -> tuple[float, float]:
    turn, away = dice.uniform(0, 2 * math.pi), abs(dice.gauss(0, spread_m))
    north, east = away * math.sin(turn), away * math.cos(turn)
    return round(centre[0] + east * METRE_NORTH / 0.79, 7), round(centre[1] + north * METRE_NORTH, 7)


def month(dice: random.Random, kind: str) -> Iterator[Trace]:  # noqa: C901 - a table of kinds
    """The traces of an honest but odd person."""
    second_village, town = (HALL[0] + 0.12, HALL[1] + 0.05), (HALL[0] + 0.3, HALL[1] + 0.25)
    for on in (FIRST + timedelta(days=n) for n in range(DAYS)):
        morning, evening = when(on, 8, dice.randrange(3600)), when(on, 18, dice.randrange(3600))
        match kind:
            case "old_phone":
                yield trace(on, morning, near(dice, 60), dice.choice([None, 80.0, 120.0]))
            case "tunnel":
                yield trace(on, morning, near(dice, 300), 400.0)
                yield trace(on, evening, near(dice, 8), dice.uniform(4, 20))
            case "two_villages":
                yield trace(on, morning, near(dice, 8), dice.uniform(4, 20))
                yield trace(on, evening, near(dice, 8, second_village), dice.uniform(4, 20))
            case "good_phone":
                yield trace(on, morning, near(dice, 3), round(dice.uniform(2.0, 6.0), 1))
            case "no_signal":
                yield trace(on, morning, None, None)
            case "mast_only":  # no satellites in the valley: the mast's own place, every day
                yield trace(on, morning, (HALL[0] + 0.004, HALL[1]), 600.0)
            case "punctual":  # an alarm at eight, and the thumb half a minute later
                yield trace(on, when(on, 8, dice.randrange(40)), near(dice, 10), dice.uniform(4, 30))
            case "herder":  # follows the herd, 15 km on horseback and by motorbike
                yield trace(on, morning, near(dice, 50), dice.uniform(6, 40))
                yield trace(
                    on,
                    when(on, 12, dice.randrange(3600)),
                    near(dice, 200, second_village),
                    dice.uniform(6, 40),
                )
                yield trace(on, evening, near(dice, 50), dice.uniform(6, 40))
            case "district_and_back":  # 40 km by car before noon, back in the afternoon
                yield trace(on, when(on, 8, dice.randrange(60)), near(dice, 8), dice.uniform(4, 20))
                yield trace(on, when(on, 9, dice.randrange(60)), near(dice, 8, town), dice.uniform(4, 20))
                yield trace(on, evening, near(dice, 8), dice.uniform(4, 20))
            case "two_phones":
                device = dice.choice(["own", "second"])
                yield trace(on, morning, near(dice, 10), dice.uniform(4, 30), device=device)
            case _:
                yield trace(on, morning, near(dice, 10), dice.uniform(4, 30))
                yield trace(on, evening, near(dice, 10), dice.uniform(4, 30))


def shaken(dice: random.Random, by: float) -> tuple[float, float]:
    return HALL[0] + dice.uniform(-by, by), HALL[1] + dice.uniform(-by, by)


Cheats = dict[str, tuple[list[Trace], Oddity]]


def cheats() -> Cheats:
    """Ten days of each cheat, and what it is asked about as."""
    dice = random.Random(7)
    days = [FIRST + timedelta(days=n) for n in range(10)]
    normal = [trace(on, when(on, 8, dice.randrange(3600)), near(dice, 8), dice.uniform(4, 20)) for on in days]
    return _same_places(dice, days, normal) | _others(dice, days, normal)


def _same_places(dice: random.Random, days: list[date], normal: list[Trace]) -> Cheats:
    return {
        "virtual location, always one point": (
            [trace(on, when(on, 8, dice.randrange(3600)), HALL, dice.uniform(4, 20)) for on in days],
            Oddity.SAME_PLACE,
        ),
        "virtual location, two points in turn": (
            [
                trace(on, when(on, 8, dice.randrange(3600)), (HALL[0] + at % 2 / 1000, HALL[1]), 12.0)
                for at, on in enumerate(days)
            ],
            Oddity.SAME_PLACE,
        ),
        "virtual location, shaken by a decimetre": (
            [
                trace(on, when(on, 8, dice.randrange(3600)), shaken(dice, 1e-6), dice.uniform(4, 20))
                for on in days
            ],
            Oddity.SAME_PLACE,
        ),
        "a week's places played again": (
            [
                trace(on, when(on, 8, dice.randrange(3600)), normal[at % 2].place, dice.uniform(4, 20))
                for at, on in enumerate(days)
            ],
            Oddity.SAME_PLACE,
        ),
        "the emulator knows no accuracy": (
            [trace(on, when(on, 8, dice.randrange(3600)), HALL, None) for on in days],
            Oddity.SAME_PLACE,
        ),
    }


def _others(dice: random.Random, days: list[date], normal: list[Trace]) -> Cheats:
    city, last = (HALL[0] + 1.2, HALL[1] + 0.4), days[-1]
    return {
        "virtual location said so": (
            [*normal, trace(last, when(last, 9, 5), HALL, 5.0, mock=True)],
            Oddity.MOCK,
        ),
        "emulator, always one exact accuracy": (
            [trace(on, when(on, 8, dice.randrange(3600)), near(dice, 1), 1.0) for on in days],
            Oddity.PRECISE,
        ),
        "a script at the same second": (
            [trace(on, when(on, 8, 1), near(dice, 8), dice.uniform(4, 20)) for on in days],
            Oddity.SAME_SECOND,
        ),
        "in the city twenty minutes later": (
            [*normal, trace(last, normal[-1].at + timedelta(minutes=20), city, 10.0)],
            Oddity.SPEED,
        ),
        "in two provinces within a night": (
            [*normal[:-1], trace(last, normal[-2].at + timedelta(hours=3), (HALL[0] + 9, HALL[1]), 10.0)],
            Oddity.SPEED,
        ),
        "the clock turned back": (
            [*normal, trace(last, when(last, 9, 5), HALL, 5.0, clock_off=True)],
            Oddity.CLOCK,
        ),
    }


@cache
def asked_about(kind: str, people: int = 20) -> tuple[int, int]:
    """(days asked about, days) of so many honest people of a kind."""
    dice = random.Random(kind)
    asked = days = 0
    for _ in range(people):
        traces = list(month(dice, kind))
        # A dormitory: others sleep and tap in the same house, each with a phone of their own.
        others = {"another": [("wang", one.at) for one in traces]}
        for on in sorted({one.on for one in traces}):
            days += 1
            asked += bool(oddities(on, traces, others, RULES))
    return asked, days


@cache
def caught_after(name: str) -> int | None:
    """On which day a cheat is asked about first; None when never."""
    traces, kind = cheats()[name]
    for day in range(10):
        found = oddities(FIRST + timedelta(days=day), traces, {}, RULES)
        if kind in {one.kind for one in found}:
            return day + 1
    return None


def figures() -> str:
    """What is asked about, per kind."""
    lines = []
    for kind in HONEST:
        asked, days = asked_about(kind)
        lines.append(f"honest {kind:40s} {asked:4d} of {days} days = {asked / days:.2%}")
    lines += [f"cheat  {name:40s} asked about on day {caught_after(name)}" for name in cheats()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(figures() + "\n")
