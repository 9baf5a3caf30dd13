"""Evaluation of a day from facts alone."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from services.attendance.days.calculation import DayCheckIn, DayFacts, DutyShift, evaluate_day
from services.attendance.days.schemas import DayResult
from services.attendance.leaves.schemas import DayPart
from services.attendance.policy import ErrandKind, LeaveRule, PresenceRules, TimeWindow
from shared.china import get_day
from shared.unit_of_work import CHINA_TIME_ZONE

MONDAY, SATURDAY = date(2024, 5, 20), date(2024, 5, 25)
RULES_ONE_CHECK_IN = PresenceRules(
    period="month",
    least_days=20,
    leave=(LeaveRule(chain=("town",)),),
    late_days=3,
    night_duty_counts=True,
    counts_as_present=(ErrandKind.MEETING,),
)
RULES_TWO_CHECK_INS = RULES_ONE_CHECK_IN.model_copy(
    update={
        "sign_ins": 2,
        "unit": "half_day",
        "morning": TimeWindow(start=time(6), end=time(12)),
        "evening": TimeWindow(start=time(16), end=time(23, 59)),
    }
)


def build_instant(hour: int, minute: int = 0, on: date = MONDAY) -> datetime:
    return datetime.combine(on, time(hour, minute), CHINA_TIME_ZONE)


def build_facts(**changes: Any) -> DayFacts:
    facts: dict[str, Any] = {
        "on": MONDAY,
        "today": MONDAY + timedelta(days=10),
        "rules": RULES_ONE_CHECK_IN,
        **changes,
    }
    return DayFacts(calendar=get_day(facts["on"]), **facts)


def build_check_in(hour: int, counts: bool | None = True, on: date = MONDAY) -> DayCheckIn:
    return DayCheckIn(build_instant(hour, on=on), counts, f"{hour:02d}:00 在村")


NIGHT_SHIFT = DutyShift(
    build_instant(20), build_instant(8, on=MONDAY + timedelta(days=1)), night=True, is_confirmed=True
)


@pytest.mark.parametrize(
    ("changes", "result", "halves", "leave_halves"),
    [
        ({"check_ins": (build_check_in(8),)}, DayResult.PRESENT, 2, 0),
        ({"check_ins": (build_check_in(8, counts=False),)}, DayResult.UNEXPLAINED, 0, 0),
        ({"check_ins": (build_check_in(8, counts=None),)}, DayResult.PENDING, 0, 0),
        ({"check_ins": (build_check_in(8, counts=None), build_check_in(9))}, DayResult.PRESENT, 2, 0),
        ({}, DayResult.UNEXPLAINED, 0, 0),
        ({"report_only": True}, DayResult.PRESENT, 2, 0),
        ({"report_only": True, "spot_check_absent": True}, DayResult.ABSENT, 0, 0),
        ({"on": SATURDAY}, DayResult.REST, 0, 0),
        ({"on": SATURDAY, "report_only": True}, DayResult.REST, 0, 0),
        ({"on": SATURDAY, "check_ins": (build_check_in(8, on=SATURDAY),)}, DayResult.PRESENT, 2, 0),
        ({"leave": DayPart.DAY}, DayResult.LEAVE, 0, 2),
        ({"leave": DayPart.MORNING}, DayResult.LEAVE, 0, 1),
        ({"leave": DayPart.MORNING, "check_ins": (build_check_in(15),)}, DayResult.PART, 1, 1),
        ({"errand": "参加会议"}, DayResult.ERRAND, 2, 0),
        ({"make_ups": (DayPart.MORNING,)}, DayResult.PRESENT, 2, 0),
        ({"spot_check_times": (build_instant(10),)}, DayResult.PRESENT, 2, 0),
        ({"shifts": (NIGHT_SHIFT,)}, DayResult.PRESENT, 2, 0),
        ({"rules": RULES_TWO_CHECK_INS, "check_ins": (build_check_in(8),)}, DayResult.PART, 1, 0),
        (
            {"rules": RULES_TWO_CHECK_INS, "check_ins": (build_check_in(8), build_check_in(19))},
            DayResult.PRESENT,
            2,
            0,
        ),
        (
            {"rules": RULES_TWO_CHECK_INS, "check_ins": (build_check_in(8), build_check_in(14))},
            DayResult.PART,
            1,
            0,
        ),
        (
            {
                "rules": RULES_TWO_CHECK_INS,
                "check_ins": (build_check_in(8), build_check_in(1, on=MONDAY + timedelta(days=1))),
            },
            DayResult.PRESENT,
            2,
            0,
        ),
        (
            {"rules": RULES_TWO_CHECK_INS, "check_ins": (build_check_in(8),), "shifts": (NIGHT_SHIFT,)},
            DayResult.PRESENT,
            2,
            0,
        ),
        ({"rules": RULES_TWO_CHECK_INS, "make_ups": (DayPart.EVENING,)}, DayResult.PART, 1, 0),
        (
            {
                "rules": RULES_TWO_CHECK_INS.model_copy(update={"unit": "day"}),
                "check_ins": (build_check_in(8),),
            },
            DayResult.PART,
            0,
            0,
        ),
        (
            {
                "rules": RULES_ONE_CHECK_IN.model_copy(update={"night_duty_counts": False}),
                "shifts": (NIGHT_SHIFT,),
            },
            DayResult.UNEXPLAINED,
            0,
            0,
        ),
    ],
)
def test_the_days_result(changes: dict[str, Any], result: DayResult, halves: int, leave_halves: int) -> None:
    outcome = evaluate_day(build_facts(**changes))
    assert (outcome.result, outcome.halves, outcome.leave_halves) == (result, halves, leave_halves)
    assert outcome.words.startswith(result.label)


@pytest.mark.parametrize(
    ("changes", "provisional"),
    [
        ({"today": MONDAY + timedelta(days=3)}, True),
        ({"today": MONDAY + timedelta(days=4)}, False),
        ({"open_questions": ("请假审批中",)}, True),
        ({"check_ins": (build_check_in(8, counts=None),)}, True),
        ({"on": date(2035, 5, 21), "today": date(2036, 1, 1)}, True),
    ],
)
def test_a_day_is_provisional_while_its_result_can_change(changes: dict[str, Any], provisional: bool) -> None:
    assert evaluate_day(build_facts(**changes)).provisional is provisional


def test_a_made_up_saturday_is_worked_and_a_holiday_is_not() -> None:
    assert evaluate_day(build_facts(on=date(2024, 5, 11))).result is DayResult.UNEXPLAINED
    rest = evaluate_day(build_facts(on=date(2024, 5, 1)))
    assert (rest.result, rest.words) == (DayResult.REST, "休息: 劳动节")
