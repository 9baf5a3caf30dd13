"""From rows to the facts of one person's day."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from services.attendance.check_ins.schemas import Flag, Result, Source
from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.days import repository
from services.attendance.days.calculation import DayCheckIn, DayFacts, DayOutcome, DutyShift, evaluate_day
from services.attendance.days.models import AttendanceDay
from services.attendance.days.repository import DayInputs, DistrictRules, PersonDay, QueryRow, load_day_inputs
from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import DutyKind, DutyState
from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.make_ups.lifecycle import MakeUpState
from services.attendance.posts import service
from services.attendance.reviews.calculation import Anomaly, CheckInEvidence, find_anomalies
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.reviews.schemas import AnomalyKind
from services.attendance.reviews.service import sync_review
from services.attendance.spot_checks.schemas import Outcome
from services.attendance.sql_conditions import get_columns
from shared.china import FencePosition, to_local_date
from shared.clients.attendance import DaySettled
from shared.db import bulk_sql, new_id
from shared.events import EventRecord
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

GRANTED_LEAVE_STATES = (LeaveState.APPROVED, LeaveState.RETURNED)
PENDING_MAKE_UP_STATES = (MakeUpState.REQUESTED, MakeUpState.WITNESSED)
UNCLEAR_OUTCOMES = (Outcome.ELSEWHERE, Outcome.LATE)
ONE_DAY = timedelta(days=1)


def build_day_facts(person: str, on: date, today: date, found: DayInputs, policy: DistrictRules) -> DayFacts:
    """The facts of one day of one person."""
    pair = (person, on)
    review = found.reviews.get(pair)
    leave = next(
        (
            one
            for one in found.leaves.get(person, ())
            if one.state in GRANTED_LEAVE_STATES and _is_on_leave(one, on)
        ),
        None,
    )
    errand = next((one for one in found.errands.get(person, ()) if _errand_counts(one, on, policy)), None)
    drawn = found.spot_checks.get(pair, ())
    return DayFacts(
        on=on,
        today=today,
        calendar=policy.calendar_day,
        rules=policy.rules,
        report_only=policy.switches.report_only,
        check_ins=_build_day_check_ins(person, found.check_ins.get(pair, ()), found, review),
        shifts=tuple(
            _build_duty_shift(one)
            for one in found.duties.get(pair, ())
            if one.state is not DutyState.CANCELLED
        ),
        make_ups=tuple(one.part for one in found.make_ups.get(pair, ()) if one.state is MakeUpState.APPROVED),
        leave=None if leave is None else leave.part,
        leave_words=""
        if leave is None
        else f"{leave.kind.label}, {leave.starts_on} 至 {leave.ends_on} 已批准",
        errand="" if errand is None else f"{errand.kind.label}, 去{errand.place}, 已报备",
        spot_check_times=tuple(
            (one.answered_at or one.closes_at).astimezone(CHINA_TIME_ZONE)
            for one in drawn
            if one.outcome is Outcome.PRESENT
        ),
        spot_check_absent=any(one.outcome is Outcome.ABSENT for one in drawn),
        open_questions=_find_open_questions(person, on, found, review),
    )


def _build_day_check_ins(
    person: str, rows: Sequence[QueryRow], found: DayInputs, review: Review | None
) -> tuple[DayCheckIn, ...]:
    if not rows:
        return ()
    names = {one.post_id: one.name for one in found.assignments.get(person, ())}
    return tuple(_build_day_check_in(one, names.get(one.post_id, "驻村点"), review) for one in rows)


def _is_on_leave(leave: Leave, on: date) -> bool:
    """Whether a leave still covers a day; who came back early is back."""
    last = leave.ends_on if leave.returned_on is None else min(leave.ends_on, leave.returned_on - ONE_DAY)
    return leave.starts_on <= on <= last


def _errand_counts(errand: Errand, on: date, policy: DistrictRules) -> bool:
    """Whether an errand counts as stationed: of a kind that does, and the town knew before or agreed after."""
    last = errand.ends_on if errand.returned_on is None else min(errand.ends_on, errand.returned_on)
    if errand.kind not in policy.rules.counts_as_present or not errand.starts_on <= on <= last:
        return False
    if errand.acknowledged_by:
        return errand.state in {ErrandState.ACKNOWLEDGED, ErrandState.RETURNED}
    in_time = to_local_date(errand.reported_at) <= errand.starts_on
    return in_time and errand.state in {ErrandState.REPORTED, ErrandState.RETURNED}


def _build_day_check_in(row: QueryRow, place: str, review: Review | None) -> DayCheckIn:
    at = row.taken_at.astimezone(CHINA_TIME_ZONE)
    return DayCheckIn(
        at,
        shows_presence(row, review.state if review else None),
        f"{at:%H:%M} {_describe_position(row, place)}",
    )


def shows_presence(row: QueryRow, decided: ReviewState | None) -> bool | None:
    """Whether a check-in shows presence; None while a person has still to say."""
    if row.source is Source.BOSS:
        return True
    if decided is ReviewState.REJECTED or row.verdict is FencePosition.OUTSIDE:
        return False
    if row.result is Result.HELD:
        return True if decided is ReviewState.ACCEPTED else None
    return row.verdict is FencePosition.INSIDE


def _describe_position(row: QueryRow, place: str) -> str:
    if row.source is Source.BOSS:
        return f"管理员补记({row.remark})"
    verdict: FencePosition | None = row.verdict
    match verdict:
        case FencePosition.INSIDE:
            return f"在{place}围栏内"
        case FencePosition.OUTSIDE:
            return f"在{place}围栏外约 {row.distance_m or 0:.0f} 米"
        case FencePosition.UNSURE:
            return f"在{place}围栏边界附近"
        case None:
            return "没有可判定的定位"


def _build_duty_shift(duty: Duty) -> DutyShift:
    return DutyShift(
        starts_at=duty.starts_at.astimezone(CHINA_TIME_ZONE),
        ends_at=duty.ends_at.astimezone(CHINA_TIME_ZONE),
        night=duty.kind is DutyKind.NIGHT,
        is_confirmed=duty.state is DutyState.KEPT,
    )


def _find_open_questions(person: str, on: date, found: DayInputs, review: Review | None) -> tuple[str, ...]:
    """What is still to be decided about the day."""
    words, pair = [], (person, on)
    if review is not None and review.state is ReviewState.OPEN:
        words.append("有疑点待复核")
    asked = [one for one in found.leaves.get(person, ()) if one.state is LeaveState.REQUESTED]
    if any(one.starts_on <= on <= one.ends_on for one in asked):
        words.append("请假审批中")
    if any(one.state in PENDING_MAKE_UP_STATES for one in found.make_ups.get(pair, ())):
        words.append("补卡审批中")
    if any(one.outcome in UNCLEAR_OUTCOMES for one in found.spot_checks.get(pair, ())):
        words.append("抽查答复待核实")
    if any(one.state is ComplaintState.OPEN for one in found.objections.get(pair, ())):
        words.append("本人有异议待答复")
    return tuple(words)


MAX_DAYS_PER_CHUNK = 400
"""Days that are reckoned together."""
DAYS_PER_YIELD = 5
"""Days after which whoever taps now goes first."""
DAY_TABLE = get_columns(AttendanceDay).id.table


@dataclass
class _PendingWrites:
    """What a set of days comes to, to be written together."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    new_devices: list[service.NewDevice] = field(default_factory=list)
    notes: list[tuple[QueryRow, dict[str, Any]]] = field(default_factory=list)


def split_into_chunks(wanted: Mapping[str, Iterable[date]]) -> Iterator[list[PersonDay]]:
    """Persons' days in sets that are reckoned together, each day once."""
    pairs = [(person, on) for person in sorted(wanted) for on in sorted(set(wanted[person]))]
    for start in range(0, len(pairs), MAX_DAYS_PER_CHUNK):
        yield pairs[start : start + MAX_DAYS_PER_CHUNK]


async def evaluate_days(work: UnitOfWork, wanted: Mapping[str, Iterable[date]]) -> int:
    """Reckon these days of these persons anew; how many. Days on which nobody is stationed have no result."""
    return sum([await evaluate_chunk(work, some) for some in split_into_chunks(wanted)])


async def evaluate_chunk(work: UnitOfWork, pairs: Sequence[PersonDay]) -> int:
    """Reckon one set of days."""
    await repository.system_lock_evaluation(work.session)
    found, results, done = await load_day_inputs(work, pairs), _PendingWrites(), 0
    for at, (person, on) in enumerate(pairs):
        if not at % DAYS_PER_YIELD:
            await asyncio.sleep(0)
        posting = found.find_assignment(person, on)
        if posting is not None:
            await _evaluate_one(work, posting, on, found, results)
            done += 1
    await service.insert_devices(work, results.new_devices)
    await bulk_sql.bulk_upsert(
        work.session, DAY_TABLE, results.rows, key=("person", "work_date"), unless="frozen"
    )
    for row, noted in results.notes:
        await repository.system_update_after_signature(work.session, row.id, noted, work.at)
    await work.publish_all(results.events)
    await work.session.flush()
    return done


async def _evaluate_one(
    work: UnitOfWork, posting: QueryRow, on: date, found: DayInputs, results: _PendingWrites
) -> None:
    person, ruled = posting.person, found.get_rules(posting.region, on)
    taps = found.check_ins.get((person, on), ())
    odd: list[Anomaly] = []
    if taps:
        results.new_devices += await service.find_new_devices(work, posting, taps, found.devices)
        odd = _find_day_anomalies(person, on, found, ruled)
    outcome = evaluate_day(build_day_facts(person, on, work.today, found, ruled))
    odd += _find_unsettled(taps, outcome)
    if await sync_review(work, posting, on, odd, found.reviews, ruled.applied_rules[-1].ref):
        outcome = evaluate_day(build_day_facts(person, on, work.today, found, ruled))
    _stage_write(work, posting, on, found, ruled, outcome, results)


def _find_day_anomalies(person: str, on: date, found: DayInputs, ruled: DistrictRules) -> list[Anomaly]:
    before = found.previous_check_ins.get((person, on))
    rows = found.history.get(person) or [*([before] if before else []), *found.check_ins[person, on]]
    traces = [_build_evidence(tap) for tap in rows if tap.source is not Source.BOSS and tap.work_date <= on]
    phones = found.devices.get(person, {})
    others = {
        device: [
            (who, at.astimezone(CHINA_TIME_ZONE)) for who, at in found.device_users[device] if who != person
        ]
        for device in {one.device for one in traces if one.on == on}
        if device in found.device_users
    }
    strange = [
        one.id
        for one in traces
        if one.on == on and one.device in phones and not phones[one.device].is_trusted_at(one.at)
    ]
    new = [Anomaly(AnomalyKind.NEW_DEVICE, AnomalyKind.NEW_DEVICE.label, tuple(strange))] if strange else []
    return [*find_anomalies(on, traces, others, ruled.evidence), *new]


def _build_evidence(tap: QueryRow) -> CheckInEvidence:
    return CheckInEvidence(
        id=tap.id,
        on=tap.work_date,
        at=tap.taken_at.astimezone(CHINA_TIME_ZONE),
        place=None if tap.lon is None or tap.lat is None or tap.coarse else (tap.lon, tap.lat),
        accuracy_m=tap.accuracy_m,
        device=tap.device,
        mock=bool(tap.mock),
        clock_off="clock" in tap.flags,
    )


def _find_unsettled(taps: Sequence[QueryRow], outcome: DayOutcome) -> list[Anomaly]:
    """Held check-ins are asked about only where nothing else settles the day."""
    if not outcome.result.needs_decision:
        return []
    held = [one for one in taps if one.result is Result.HELD]
    flags = sorted({flag for one in held for flag in one.flags})
    words = "、".join(Flag(flag).label for flag in flags) or "在围栏边界附近"
    return [
        Anomaly(
            AnomalyKind.UNSETTLED, f"{AnomalyKind.UNSETTLED.label}: {words}", tuple(one.id for one in held)
        )
    ]


def _stage_write(
    work: UnitOfWork,
    posting: QueryRow,
    on: date,
    found: DayInputs,
    ruled: DistrictRules,
    outcome: DayOutcome,
    results: _PendingWrites,
) -> None:
    row = found.days.get((posting.person, on))
    if row is not None and row.frozen:
        _stage_note(row, outcome, results)
        return
    values = _build_values(posting, on, found, ruled, outcome)
    if row is not None and all(getattr(row, name) == value for name, value in values.items()):
        return
    identifier = new_id() if row is None else row.id
    version = 1 if row is None else row.version + 1
    results.rows.append(
        {
            **values,
            "id": identifier,
            "version": version,
            "created_at": work.at,
            "created_by": work.actor.id,
            "updated_at": work.at,
            "created_digest": "",
            "person": posting.person,
            "work_date": on,
            "month": f"{on:%Y-%m}",
            "frozen": False,
        }
    )
    if not outcome.provisional and (row is None or row.provisional):
        told = DaySettled(person=posting.person, work_date=on, result=outcome.result, halves=outcome.halves)
        results.events.append(EventRecord(told, str(identifier), version, posting.region))


def _build_values(
    posting: QueryRow, on: date, found: DayInputs, ruled: DistrictRules, outcome: DayOutcome
) -> dict[str, Any]:
    members = found.members.get(posting.person, ())
    serving = (one.team_id for one in members if one.starts_on <= on and (one.ends_on or on) >= on)
    return {
        "region": posting.region,
        "person_name": posting.person_name,
        "post_id": posting.post_id,
        "team_id": next(serving, None),
        "result": outcome.result,
        "halves": outcome.halves,
        "leave_halves": outcome.leave_halves,
        "works": ruled.calendar_day.is_worked,
        "provisional": outcome.provisional,
        "words": outcome.words,
        "rule_refs": list(ruled.rule_refs),
        "after_signature": {},
    }


def _stage_note(row: QueryRow, outcome: DayOutcome, results: _PendingWrites) -> None:
    """What came after the signature is shown, and changes nothing until the sheet is opened again."""
    same = (outcome.result, outcome.halves, outcome.leave_halves) == (
        row.result,
        row.halves,
        row.leave_halves,
    )
    noted: dict[str, Any] = {}
    if not same:
        noted = {"result": outcome.result, "halves": outcome.halves, "words": outcome.words}
    if row.after_signature != noted:
        results.notes.append((row, noted))
