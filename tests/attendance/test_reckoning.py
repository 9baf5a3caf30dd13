"""What a day was by the rules, from facts alone."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from services.attendance.days.kinds import DayResult
from services.attendance.days.reckoning import Facts, Shift, Tap, reckon
from services.attendance.leaves.kinds import Part
from services.attendance.policy import ErrandKind, LeaveRule, PresenceRules, Window
from shared.work import CHINA
from shared.workdays import day

MONDAY, SATURDAY = date(2024, 5, 20), date(2024, 5, 25)
ONCE = PresenceRules(
    period="month",
    least_days=20,
    leave=(LeaveRule(chain=("town",)),),
    late_days=3,
    night_duty_counts=True,
    counts_as_present=(ErrandKind.MEETING,),
)
TWICE = ONCE.model_copy(
    update={
        "sign_ins": 2,
        "unit": "half_day",
        "morning": Window(start=time(6), end=time(12)),
        "evening": Window(start=time(16), end=time(23, 59)),
    }
)


def at(hour: int, minute: int = 0, on: date = MONDAY) -> datetime:
    return datetime.combine(on, time(hour, minute), CHINA)


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {"on": MONDAY, "today": MONDAY + timedelta(days=10), "rules": ONCE, **changes}
    return Facts(calendar=day(given["on"]), **given)


def tap(hour: int, counts: bool | None = True, on: date = MONDAY) -> Tap:
    return Tap(at(hour, on=on), counts, f"{hour:02d}:00 在村")


NIGHT = Shift(at(20), at(8, on=MONDAY + timedelta(days=1)), night=True, kept=True)


@pytest.mark.parametrize(
    ("given", "result", "halves", "leave_halves"),
    [
        ({"taps": (tap(8),)}, DayResult.PRESENT, 2, 0),
        ({"taps": (tap(8, counts=False),)}, DayResult.UNEXPLAINED, 0, 0),
        ({"taps": (tap(8, counts=None),)}, DayResult.PENDING, 0, 0),
        ({"taps": (tap(8, counts=None), tap(9))}, DayResult.PRESENT, 2, 0),
        ({}, DayResult.UNEXPLAINED, 0, 0),
        ({"by_report": True}, DayResult.PRESENT, 2, 0),
        ({"by_report": True, "found_absent": True}, DayResult.ABSENT, 0, 0),
        ({"on": SATURDAY}, DayResult.REST, 0, 0),
        ({"on": SATURDAY, "by_report": True}, DayResult.REST, 0, 0),
        ({"on": SATURDAY, "taps": (tap(8, on=SATURDAY),)}, DayResult.PRESENT, 2, 0),
        ({"leave": Part.DAY}, DayResult.LEAVE, 0, 2),
        ({"leave": Part.MORNING}, DayResult.LEAVE, 0, 1),
        ({"leave": Part.MORNING, "taps": (tap(15),)}, DayResult.PART, 1, 1),
        ({"errand": "参加会议"}, DayResult.ERRAND, 2, 0),
        ({"make_ups": (Part.MORNING,)}, DayResult.PRESENT, 2, 0),
        ({"found_present": (at(10),)}, DayResult.PRESENT, 2, 0),
        ({"shifts": (NIGHT,)}, DayResult.PRESENT, 2, 0),
        ({"rules": TWICE, "taps": (tap(8),)}, DayResult.PART, 1, 0),
        ({"rules": TWICE, "taps": (tap(8), tap(19))}, DayResult.PRESENT, 2, 0),
        ({"rules": TWICE, "taps": (tap(8), tap(14))}, DayResult.PART, 1, 0),
        ({"rules": TWICE, "taps": (tap(8), tap(1, on=MONDAY + timedelta(days=1)))}, DayResult.PRESENT, 2, 0),
        ({"rules": TWICE, "taps": (tap(8),), "shifts": (NIGHT,)}, DayResult.PRESENT, 2, 0),
        ({"rules": TWICE, "make_ups": (Part.EVENING,)}, DayResult.PART, 1, 0),
        ({"rules": TWICE.model_copy(update={"unit": "day"}), "taps": (tap(8),)}, DayResult.PART, 0, 0),
        (
            {"rules": ONCE.model_copy(update={"night_duty_counts": False}), "shifts": (NIGHT,)},
            DayResult.UNEXPLAINED,
            0,
            0,
        ),
    ],
)
def test_the_days_result(given: dict[str, Any], result: DayResult, halves: int, leave_halves: int) -> None:
    found = reckon(facts(**given))
    assert (found.result, found.halves, found.leave_halves) == (result, halves, leave_halves)
    assert found.words.startswith(result.label)


@pytest.mark.parametrize(
    ("given", "provisional"),
    [
        ({"today": MONDAY + timedelta(days=3)}, True),
        ({"today": MONDAY + timedelta(days=4)}, False),
        ({"open_matters": ("请假审批中",)}, True),
        ({"taps": (tap(8, counts=None),)}, True),
        ({"on": date(2035, 5, 21), "today": date(2036, 1, 1)}, True),
    ],
)
def test_a_day_is_provisional_while_something_can_still_come(
    given: dict[str, Any], provisional: bool
) -> None:
    assert reckon(facts(**given)).provisional is provisional


def test_a_made_up_saturday_is_worked_and_a_holiday_is_not() -> None:
    assert reckon(facts(on=date(2024, 5, 11))).result is DayResult.UNEXPLAINED
    rest = reckon(facts(on=date(2024, 5, 1)))
    assert (rest.result, rest.words) == (DayResult.REST, "休息: 劳动节")
