"""What a day was, by the rules, in words. Pure: facts in, outcome out."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.attendance.days.schemas import DayResult
from services.attendance.leaves.schemas import Part
from services.attendance.policy import PresenceRules
from shared.china import Day

BOTH_HALVES = frozenset({Part.MORNING, Part.EVENING})


@dataclass(frozen=True, slots=True)
class DayCheckIn:
    """A check-in as the day sees it: local time, whether it counts (None: a person has not decided), and in words."""

    at: datetime
    counts: bool | None
    words: str


@dataclass(frozen=True, slots=True)
class DutyShift:
    """A duty shift: local times, whether somebody confirmed it."""

    starts_at: datetime
    ends_at: datetime
    night: bool
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class DayFacts:
    """Everything the result of a day depends on."""

    on: date
    today: date
    calendar: Day
    rules: PresenceRules
    report_only: bool = False
    check_ins: tuple[DayCheckIn, ...] = ()
    shifts: tuple[DutyShift, ...] = ()
    make_ups: tuple[Part, ...] = ()
    leave: Part | None = None
    leave_words: str = ""
    errand: str = ""
    spot_check_times: tuple[datetime, ...] = ()
    spot_check_absent: bool = False
    open_questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """The day's result, its half days, whether it may still change, and why, in words."""

    result: DayResult
    halves: int
    leave_halves: int
    provisional: bool
    words: str


@dataclass
class _DayEvidence:
    parts: set[Part] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    pending: bool = False


def evaluate_day(facts: DayFacts) -> DayOutcome:
    """The day's result. It is provisional while late data, a decision or the calendar's notice can still change it."""
    seen = _collect_evidence(facts)
    result, halves, leave_halves, why = _decide_result(facts, seen)
    late = facts.today <= facts.on + timedelta(days=facts.rules.late_days)
    provisional = late or seen.pending or bool(facts.open_questions) or facts.calendar.provisional
    words = "; ".join(part for part in dict.fromkeys((why, *seen.words, *facts.open_questions)) if part)
    return DayOutcome(
        result, halves, leave_halves, provisional, f"{result.label}: {words}" if words else result.label
    )


def _collect_evidence(facts: DayFacts) -> _DayEvidence:
    """What shows that the person was there, half day by half day."""
    seen = _DayEvidence()
    for tap in facts.check_ins:
        seen.words.append(tap.words)
        seen.pending |= tap.counts is None
        if tap.counts:
            seen.parts |= _find_parts(facts, tap.at)
    for shift in facts.shifts:
        _add_duty_evidence(facts, shift, seen)
    for part in facts.make_ups:
        seen.parts |= BOTH_HALVES if part is Part.DAY or facts.rules.sign_ins == 1 else {part}
        seen.words.append(f"补卡已批准({part.label})")
    for at in facts.spot_check_times:
        seen.parts |= _find_parts(facts, at)
        seen.words.append(f"{at:%H:%M} 抽查在岗")
    return seen


def _find_parts(facts: DayFacts, at: datetime) -> set[Part] | frozenset[Part]:
    """Which half days something at a local time shows."""
    rules = facts.rules
    if rules.sign_ins == 1 or rules.morning is None or rules.evening is None:
        return BOTH_HALVES
    if at.date() > facts.on:  # after midnight the evening is still going on
        return {Part.EVENING}
    clock = at.time()
    found = set()
    if rules.morning.start <= clock <= rules.morning.end:
        found.add(Part.MORNING)
    if rules.evening.start <= clock <= rules.evening.end:
        found.add(Part.EVENING)
    return found


def _add_duty_evidence(facts: DayFacts, shift: DutyShift, seen: _DayEvidence) -> None:
    kept = shift.is_confirmed or any(
        tap.counts and shift.starts_at <= tap.at <= shift.ends_at for tap in facts.check_ins
    )
    span = f"{shift.starts_at:%H:%M} 至 {shift.ends_at:%m-%d %H:%M}"
    if not kept:
        seen.words.append(f"值班 {span} 未见记录")
        return
    seen.words.append(f"值班 {span}")
    if shift.night and not facts.rules.night_duty_counts:
        return
    if facts.rules.sign_ins == 1:
        seen.parts |= BOTH_HALVES
    else:
        seen.parts.add(Part.EVENING if shift.night else Part.MORNING)


def _decide_result(facts: DayFacts, seen: _DayEvidence) -> tuple[DayResult, int, int, str]:
    """Result, half days stationed, half days of leave, and the reason where it is not in the evidence."""
    if facts.spot_check_absent:
        return DayResult.ABSENT, 0, 0, "抽查认定不在岗"
    if facts.leave is Part.DAY:
        return DayResult.LEAVE, 0, 2, facts.leave_words
    if facts.errand:
        return DayResult.ERRAND, 2, 0, facts.errand
    if facts.leave is not None:
        there = 1 if seen.parts - {facts.leave} else 0
        return (DayResult.PART if there else DayResult.LEAVE), there, 1, facts.leave_words
    if seen.parts:
        return _decide_present(facts, seen)
    return _decide_without_evidence(facts, seen)


def _decide_present(facts: DayFacts, seen: _DayEvidence) -> tuple[DayResult, int, int, str]:
    if seen.parts >= BOTH_HALVES:
        return DayResult.PRESENT, 2, 0, ""
    part = next(iter(seen.parts))
    return DayResult.PART, 1 if facts.rules.unit == "half_day" else 0, 0, f"只有{part.label}的记录"


def _decide_without_evidence(facts: DayFacts, seen: _DayEvidence) -> tuple[DayResult, int, int, str]:
    if seen.pending:
        return DayResult.PENDING, 0, 0, ""
    calendar = facts.calendar
    expected = calendar.is_worked or bool(facts.shifts)
    if not expected:
        return DayResult.REST, 0, 0, calendar.name or calendar.kind.label
    if facts.report_only:
        return DayResult.PRESENT, 2, 0, "未报备离村, 按报备制认定在岗"
    return DayResult.UNEXPLAINED, 0, 0, "" if facts.on < facts.today else "当天尚未结束"
