"""Evaluation of one attendance day by the district's rules. Pure functions: facts in, outcome out."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.attendance.days.schemas import DayResult
from services.attendance.leaves.schemas import DayPart
from services.attendance.policy import PresenceRules
from shared.china import Day

BOTH_HALVES = frozenset({DayPart.MORNING, DayPart.EVENING})


@dataclass(frozen=True, slots=True)
class DayCheckIn:
    """A check-in of the day: local time, whether it counts (None: review pending), and its description."""

    at: datetime
    counts: bool | None
    words: str


@dataclass(frozen=True, slots=True)
class DutyShift:
    """A duty shift of the day in local time, and whether it was confirmed."""

    starts_at: datetime
    ends_at: datetime
    night: bool
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class DayFacts:
    """All inputs on which the result of a day depends."""

    on: date
    today: date
    calendar: Day
    rules: PresenceRules
    report_only: bool = False
    check_ins: tuple[DayCheckIn, ...] = ()
    shifts: tuple[DutyShift, ...] = ()
    make_ups: tuple[DayPart, ...] = ()
    leave: DayPart | None = None
    leave_words: str = ""
    errand: str = ""
    duty_check_ins: tuple[DayCheckIn, ...] = ()
    """Check-ins of the morning after, which a shift across midnight may need."""
    spot_check_times: tuple[datetime, ...] = ()
    spot_check_absent: bool = False
    open_questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """Result of a day, half days that count, whether it may still change, and the explanation in Chinese."""

    result: DayResult
    halves: int
    leave_halves: int
    provisional: bool
    words: str


@dataclass
class _DayEvidence:
    """Half days shown to be present, the explanations, and whether a check-in awaits review."""

    parts: set[DayPart] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    pending: bool = False


def evaluate_day(facts: DayFacts) -> DayOutcome:
    """Returns the outcome of a day.

    It is provisional while late data, an open decision or the calendar notice of the State Council can change it.
    """
    evidence = _collect_evidence(facts)
    result, halves, leave_halves, reason = _decide_result(facts, evidence)
    late = facts.today <= facts.on + timedelta(days=facts.rules.late_days)
    provisional = late or evidence.pending or bool(facts.open_questions) or facts.calendar.provisional
    text = "; ".join(part for part in dict.fromkeys((reason, *evidence.words, *facts.open_questions)) if part)
    return DayOutcome(
        result, halves, leave_halves, provisional, f"{result.label}: {text}" if text else result.label
    )


def _collect_evidence(facts: DayFacts) -> _DayEvidence:
    """Collects the half days on which the person was present, from all kinds of evidence."""
    evidence = _DayEvidence()
    for check_in in facts.check_ins:
        evidence.words.append(check_in.words)
        evidence.pending |= check_in.counts is None
        if check_in.counts:
            evidence.parts |= _find_parts(facts, check_in.at)
    for shift in facts.shifts:
        _add_duty_evidence(facts, shift, evidence)
    for part in facts.make_ups:
        evidence.parts |= BOTH_HALVES if part is DayPart.DAY or facts.rules.sign_ins == 1 else {part}
        evidence.words.append(f"补卡已批准({part.label})")
    for at in facts.spot_check_times:
        evidence.parts |= _find_parts(facts, at)
        evidence.words.append(f"{at:%H:%M} 抽查在岗")
    return evidence


def _find_parts(facts: DayFacts, at: datetime) -> set[DayPart] | frozenset[DayPart]:
    """Returns the half days that evidence at a local time proves."""
    rules = facts.rules
    if rules.sign_ins == 1 or rules.morning is None or rules.evening is None:
        return BOTH_HALVES
    if at.date() > facts.on:  # after midnight it still belongs to the evening before
        return {DayPart.EVENING}
    local_time = at.time()
    parts = set()
    if rules.morning.start <= local_time <= rules.morning.end:
        parts.add(DayPart.MORNING)
    if rules.evening.start <= local_time <= rules.evening.end:
        parts.add(DayPart.EVENING)
    return parts


def _add_duty_evidence(facts: DayFacts, shift: DutyShift, evidence: _DayEvidence) -> None:
    """Adds a shift that was confirmed or has a check-in within it."""
    grace = timedelta(minutes=facts.rules.duty_grace_minutes)
    is_kept = shift.is_confirmed or any(
        check_in.counts and shift.starts_at - grace <= check_in.at <= shift.ends_at + grace
        for check_in in (*facts.check_ins, *facts.duty_check_ins)
    )
    span = f"{shift.starts_at:%H:%M} 至 {shift.ends_at:%m-%d %H:%M}"
    if not is_kept:
        evidence.words.append(f"值班 {span} 未见记录")
        return
    evidence.words.append(f"值班 {span}")
    if shift.night and not facts.rules.night_duty_counts:
        return
    if facts.rules.sign_ins == 1:
        evidence.parts |= BOTH_HALVES
    else:
        evidence.parts.add(DayPart.EVENING if shift.night else DayPart.MORNING)


def _decide_result(facts: DayFacts, evidence: _DayEvidence) -> tuple[DayResult, int, int, str]:
    """Returns (result, half days present, half days of leave, reason that is not in the evidence)."""
    if facts.spot_check_absent:
        return DayResult.ABSENT, 0, 0, "抽查认定不在岗"
    if facts.leave is DayPart.DAY:
        return DayResult.LEAVE, 0, 2, facts.leave_words
    if facts.errand:
        return DayResult.ERRAND, 2, 0, facts.errand
    if facts.leave is not None:
        halves = 1 if evidence.parts - {facts.leave} else 0
        return (DayResult.PART if halves else DayResult.LEAVE), halves, 1, facts.leave_words
    if evidence.parts:
        return _decide_present(facts, evidence)
    return _decide_without_evidence(facts, evidence)


def _decide_present(facts: DayFacts, evidence: _DayEvidence) -> tuple[DayResult, int, int, str]:
    """Returns the result of a day with evidence for at least one half day."""
    if evidence.parts >= BOTH_HALVES:
        return DayResult.PRESENT, 2, 0, ""
    part = next(iter(evidence.parts))
    return DayResult.PART, 1 if facts.rules.unit == "half_day" else 0, 0, f"只有{part.label}的记录"


def _decide_without_evidence(facts: DayFacts, evidence: _DayEvidence) -> tuple[DayResult, int, int, str]:
    """Returns the result of a day without evidence of presence."""
    if evidence.pending:
        return DayResult.PENDING, 0, 0, ""
    calendar = facts.calendar
    expected = calendar.is_worked or bool(facts.shifts)
    if not expected:
        return DayResult.REST, 0, 0, calendar.name or calendar.kind.label
    if facts.report_only:
        return DayResult.PRESENT, 2, 0, "未报备离村, 按报备制认定在岗"
    return DayResult.UNEXPLAINED, 0, 0, "" if facts.on < facts.today else "当天尚未结束"
