"""From rows to the facts of one person's day."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.attendance.check_ins.schemas import Result, Source
from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.days.material import Material, Policy, Row
from services.attendance.days.reckoning import Facts, Shift, Tap
from services.attendance.duties.kinds import DutyKind, DutyState
from services.attendance.duties.models import Duty
from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.make_ups.lifecycle import MakeUpState
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.spot_checks.kinds import Outcome
from shared.fences import Standing
from shared.work import CHINA
from shared.workdays import local_date

GRANTED = (LeaveState.APPROVED, LeaveState.RETURNED)
WAITING = (MakeUpState.REQUESTED, MakeUpState.WITNESSED)
UNCLEAR = (Outcome.ELSEWHERE, Outcome.LATE)
ONE_DAY = timedelta(days=1)


def facts_of(person: str, on: date, today: date, found: Material, policy: Policy) -> Facts:
    """The facts of one day of one person."""
    pair = (person, on)
    review = found.reviews.get(pair)
    leave = next(
        (one for one in found.leaves.get(person, ()) if one.state in GRANTED and _away(one, on)), None
    )
    errand = next((one for one in found.errands.get(person, ()) if _counts(one, on, policy)), None)
    drawn = found.drawn.get(pair, ())
    return Facts(
        on=on,
        today=today,
        calendar=policy.day,
        rules=policy.rules,
        by_report=policy.switches.by_report,
        taps=_taps(person, found.taps.get(pair, ()), found, review),
        shifts=tuple(
            _shift(one) for one in found.duties.get(pair, ()) if one.state is not DutyState.CANCELLED
        ),
        make_ups=tuple(one.part for one in found.make_ups.get(pair, ()) if one.state is MakeUpState.APPROVED),
        leave=None if leave is None else leave.part,
        leave_words=""
        if leave is None
        else f"{leave.kind.label}, {leave.starts_on} 至 {leave.ends_on} 已批准",
        errand="" if errand is None else f"{errand.kind.label}, 去{errand.place}, 已报备",
        found_present=tuple(
            (one.answered_at or one.closes_at).astimezone(CHINA)
            for one in drawn
            if one.outcome is Outcome.PRESENT
        ),
        found_absent=any(one.outcome is Outcome.ABSENT for one in drawn),
        open_matters=_open(person, on, found, review),
    )


def _taps(person: str, rows: Sequence[Row], found: Material, review: Review | None) -> tuple[Tap, ...]:
    if not rows:
        return ()
    names = {one.post_id: one.name for one in found.postings.get(person, ())}
    return tuple(_tap(one, names.get(one.post_id, "驻村点"), review) for one in rows)


def _away(leave: Leave, on: date) -> bool:
    """Whether a leave still covers a day; who came back early is back."""
    last = leave.ends_on if leave.returned_on is None else min(leave.ends_on, leave.returned_on - ONE_DAY)
    return leave.starts_on <= on <= last


def _counts(errand: Errand, on: date, policy: Policy) -> bool:
    """Whether an errand counts as stationed: of a kind that does, and the town knew before or agreed after."""
    last = errand.ends_on if errand.returned_on is None else min(errand.ends_on, errand.returned_on)
    if errand.kind not in policy.rules.counts_as_present or not errand.starts_on <= on <= last:
        return False
    if errand.acknowledged_by:
        return errand.state in {ErrandState.ACKNOWLEDGED, ErrandState.RETURNED}
    in_time = local_date(errand.reported_at) <= errand.starts_on
    return in_time and errand.state in {ErrandState.REPORTED, ErrandState.RETURNED}


def _tap(row: Row, place: str, review: Review | None) -> Tap:
    at = row.taken_at.astimezone(CHINA)
    return Tap(at, counts(row, review.state if review else None), f"{at:%H:%M} {_stands(row, place)}")


def counts(row: Row, decided: ReviewState | None) -> bool | None:
    """Whether a check-in shows presence; None while a person has still to say."""
    if row.source is Source.BOSS:
        return True
    if decided is ReviewState.REJECTED or row.verdict is Standing.OUTSIDE:
        return False
    if row.result is Result.HELD:
        return True if decided is ReviewState.ACCEPTED else None
    return row.verdict is Standing.INSIDE


def _stands(row: Row, place: str) -> str:
    if row.source is Source.BOSS:
        return f"管理员补记({row.remark})"
    verdict: Standing | None = row.verdict
    match verdict:
        case Standing.INSIDE:
            return f"在{place}围栏内"
        case Standing.OUTSIDE:
            return f"在{place}围栏外约 {row.distance_m or 0:.0f} 米"
        case Standing.UNSURE:
            return f"在{place}围栏边界附近"
        case None:
            return "没有可判定的定位"


def _shift(duty: Duty) -> Shift:
    return Shift(
        starts_at=duty.starts_at.astimezone(CHINA),
        ends_at=duty.ends_at.astimezone(CHINA),
        night=duty.kind is DutyKind.NIGHT,
        kept=duty.state is DutyState.KEPT,
    )


def _open(person: str, on: date, found: Material, review: Review | None) -> tuple[str, ...]:
    """What is still to be decided about the day."""
    words, pair = [], (person, on)
    if review is not None and review.state is ReviewState.OPEN:
        words.append("有疑点待复核")
    asked = [one for one in found.leaves.get(person, ()) if one.state is LeaveState.REQUESTED]
    if any(one.starts_on <= on <= one.ends_on for one in asked):
        words.append("请假审批中")
    if any(one.state in WAITING for one in found.make_ups.get(pair, ())):
        words.append("补卡审批中")
    if any(one.outcome in UNCLEAR for one in found.drawn.get(pair, ())):
        words.append("抽查答复待核实")
    if any(one.state is ComplaintState.OPEN for one in found.objections.get(pair, ())):
        words.append("本人有异议待答复")
    return tuple(words)
