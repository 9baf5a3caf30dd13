"""A group's terms on one day, applied to the district's rules. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, time
from typing import Any

from services.attendance.groups.schemas import GroupKind
from services.attendance.policy import PresenceRules, TimeWindow
from shared.china import Day, DayKind


def find_terms(terms: Sequence[Mapping[str, Any]], on: date) -> Mapping[str, Any] | None:
    """Returns the stored terms in force on a day, None before the first."""
    return next((one for one in reversed(terms) if date.fromisoformat(one["since"]) <= on), None)


def apply_terms(
    rules: PresenceRules, day: Day, terms: Mapping[str, Any], *, has_shift: bool
) -> tuple[PresenceRules, Day]:
    """Returns the rules and the calendar day of a member: sign-ins and windows of the terms, and their working days.

    Under a rota a day is worked if it has a shift.
    """
    changes: dict[str, Any] = {
        name: TimeWindow(
            start=time.fromisoformat(terms[name]["start"]), end=time.fromisoformat(terms[name]["end"])
        )
        for name in ("morning", "evening")
        if terms.get(name)
    }
    if terms["kind"] == GroupKind.FREE:
        changes["sign_ins"] = 1
    elif terms.get("sign_ins"):
        changes["sign_ins"] = terms["sign_ins"]
    return rules.model_copy(update=changes), _apply_working_days(day, terms, has_shift=has_shift)


def _apply_working_days(day: Day, terms: Mapping[str, Any], *, has_shift: bool) -> Day:
    if terms["kind"] == GroupKind.ROTA:
        is_worked = has_shift
    elif not terms["weekdays"] or (
        terms["follows_holidays"] and day.kind in {DayKind.HOLIDAY, DayKind.MADE_UP}
    ):
        return day
    else:
        is_worked = day.on.isoweekday() in terms["weekdays"]
    return replace(day, kind=DayKind.WORKDAY if is_worked else DayKind.WEEKEND, name="", provisional=False)
