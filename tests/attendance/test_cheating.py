"""Every cheat is asked about, hardly any honest day is, and nobody is punished by a machine."""

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest

from services.attendance.policy import Evidence
from services.attendance.reviews.evidence import Trace, oddities
from services.attendance.reviews.kinds import Oddity
from shared.ids import new_id
from shared.work import CHINA
from tests.attendance.world import HALL, METRE_NORTH

RULES = Evidence(
    same_place_days=4, speed_kmh=160, speed_least_km=3, precise_m=3, precise_days=6,
    device_hours=24, same_second_days=3, look_back_days=14,
)  # fmt: skip
FIRST = date(2024, 5, 1)
DAYS = 22


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


def month(dice: random.Random, kind: str) -> Iterator[Trace]:
    """The traces of an honest but odd person."""
    second_village = (HALL[0] + 0.12, HALL[1] + 0.05)
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
            case _:
                yield trace(on, morning, near(dice, 10), dice.uniform(4, 30))
                yield trace(on, evening, near(dice, 10), dice.uniform(4, 30))


@pytest.mark.parametrize(
    "kind", ["old_phone", "tunnel", "two_villages", "good_phone", "no_signal", "dormitory"]
)
def test_fewer_than_two_in_a_hundred_honest_days_are_asked_about(kind: str) -> None:
    dice = random.Random(kind)
    asked = days = 0
    for _ in range(20):
        traces = list(month(dice, kind))
        # A dormitory: others sleep and tap in the same house, each with a phone of their own.
        others = {"another": [("wang", one.at) for one in traces]}
        for on in sorted({one.on for one in traces}):
            days += 1
            asked += bool(oddities(on, traces, others, RULES))
    assert asked / days < 0.02


def cheats() -> dict[str, tuple[list[Trace], Oddity]]:
    dice = random.Random(7)
    days = [FIRST + timedelta(days=n) for n in range(10)]
    city = (HALL[0] + 1.2, HALL[1] + 0.4)
    normal = [trace(on, when(on, 8, dice.randrange(3600)), near(dice, 8), dice.uniform(4, 20)) for on in days]
    last = days[-1]
    return {
        "virtual location said so": (
            [*normal, trace(last, when(last, 9, 5), HALL, 5.0, mock=True)],
            Oddity.MOCK,
        ),
        "virtual location, always one point": (
            [trace(on, when(on, 8, dice.randrange(3600)), HALL, dice.uniform(4, 20)) for on in days],
            Oddity.SAME_PLACE,
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
        "the clock turned back": (
            [*normal, trace(last, when(last, 9, 5), HALL, 5.0, clock_off=True)],
            Oddity.CLOCK,
        ),
    }


@pytest.mark.parametrize("name", list(cheats()))
def test_every_cheat_is_asked_about(name: str) -> None:
    traces, kind = cheats()[name]
    found = oddities(FIRST + timedelta(days=9), traces, {}, RULES)
    assert kind in {one.kind for one in found}
    known: set[UUID] = {one.id for one in traces}
    assert all(one.words and set(one.check_ins) <= known for one in found)


def test_a_colleagues_phone_is_asked_about_for_a_day_and_no_longer() -> None:
    mine = [trace(FIRST, when(FIRST, 8, 0), near(random.Random(1), 8), 9.0)]
    at = mine[0].at
    found = oddities(FIRST, mine, {"own": [("wang", at + timedelta(hours=23))]}, RULES)
    assert [one.kind for one in found] == [Oddity.SHARED_DEVICE]
    assert oddities(FIRST, mine, {"own": [("wang", at + timedelta(hours=25))]}, RULES) == []
