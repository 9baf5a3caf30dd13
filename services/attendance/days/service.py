"""Evaluation of days: builds the facts of each day from its rows, stores the results, opens reviews."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.schemas import CheckInSource, Flag, Result
from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.days import repository
from services.attendance.days.calculation import DayCheckIn, DayFacts, DayOutcome, DutyShift, evaluate_day
from services.attendance.days.models import AttendanceDay
from services.attendance.days.repository import DayInputs, PersonDay, QueryRow, load_day_inputs
from services.attendance.days.rules import DistrictRules
from services.attendance.days.schemas import DayResult
from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import DutyKind, DutyState
from services.attendance.errands.lifecycle import ErrandState
from services.attendance.errands.models import Errand
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Leave
from services.attendance.leaves.schemas import DayPart
from services.attendance.make_ups.lifecycle import MakeUpState
from services.attendance.posts import service as posts
from services.attendance.reviews.calculation import Anomaly, CheckInEvidence, find_anomalies
from services.attendance.reviews.lifecycle import ReviewState
from services.attendance.reviews.models import Review
from services.attendance.reviews.schemas import AnomalyKind
from services.attendance.reviews.service import sync_review
from services.attendance.spot_checks.schemas import Outcome
from services.attendance.sql_conditions import get_columns
from shared.china import FencePosition, to_local_date
from shared.clients.attendance import DaySettled, DayWithdrawn
from shared.db import bulk_sql, new_id, note_keys
from shared.events import EventRecord
from shared.records import log_events
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceContext, UnitOfWork

GRANTED_LEAVE_STATES = (LeaveState.APPROVED, LeaveState.RETURNED)
PENDING_MAKE_UP_STATES = (MakeUpState.REQUESTED, MakeUpState.WITNESSED)
UNCLEAR_OUTCOMES = (Outcome.ELSEWHERE, Outcome.LATE)
ONE_DAY = timedelta(days=1)
MAX_DAYS_PER_CHUNK = 400
"""Days evaluated in one transaction."""
DAYS_PER_YIELD = 5
"""Days between two yields to the event loop, so that check-ins do not wait."""
MAX_EVALUATION_TRIES = 3
NO_DAY = DayOutcome(DayResult.REST, 0, 0, provisional=False, words=f"{DayResult.REST.label}: 当天没有派驻")
"""What stands in a day without an assignment that must stay, since it is signed or somebody objected to it."""
RequireTurn = Callable[[AsyncSession], Awaitable[None]]
DAY_TABLE = get_columns(AttendanceDay).id.table


@dataclass
class _PendingWrites:
    """Writes collected for a chunk of days, executed together."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    notes: list[tuple[QueryRow, dict[str, Any]]] = field(default_factory=list)


@dataclass
class _PreparedChunk:
    """Days with their inputs, compared and not yet stored: (assignment, day, anomalies)."""

    pairs: Sequence[PersonDay]
    inputs: DayInputs
    days: list[tuple[QueryRow, date, list[Anomaly]]] = field(default_factory=list)
    unassigned: list[PersonDay] = field(default_factory=list)
    new_devices: list[posts.NewDevice] = field(default_factory=list)


def build_day_facts(
    person: str, on: date, today: date, inputs: DayInputs, district_rules: DistrictRules
) -> DayFacts:
    """Returns the facts of one day of one person, from the loaded rows and the district's rules."""
    pair = (person, on)
    review = inputs.reviews.get(pair)
    leaves = [
        leave
        for leave in inputs.leaves.get(person, ())
        if leave.state in GRANTED_LEAVE_STATES and _is_on_leave(leave, on, district_rules)
    ]
    errand = next(
        (errand for errand in inputs.errands.get(person, ()) if _errand_counts(errand, on, district_rules)),
        None,
    )
    draws = inputs.spot_checks.get(pair, ())
    return DayFacts(
        on=on,
        today=today,
        calendar=district_rules.calendar_day,
        rules=district_rules.rules,
        report_only=district_rules.switches.report_only,
        check_ins=_build_day_check_ins(person, inputs.check_ins.get(pair, ()), inputs, review),
        duty_check_ins=_build_day_check_ins(
            person, inputs.duty_check_ins.get(pair, ()), inputs, inputs.reviews.get((person, on + ONE_DAY))
        ),
        shifts=tuple(
            _build_duty_shift(duty)
            for duty in inputs.duties.get(pair, ())
            if duty.state is not DutyState.CANCELLED
        ),
        make_ups=tuple(
            make_up.part for make_up in inputs.make_ups.get(pair, ()) if make_up.state is MakeUpState.APPROVED
        ),
        leave=_merge_parts(leaves),
        leave_words="; ".join(
            f"{leave.kind.label}, {leave.starts_on} 至 {leave.ends_on} 已批准" for leave in leaves
        ),
        errand="" if errand is None else f"{errand.kind.label}, 去{errand.place}, 已报备",
        spot_check_times=tuple(
            (draw.answered_at or draw.closes_at).astimezone(CHINA_TIME_ZONE)
            for draw in draws
            if draw.outcome is Outcome.PRESENT
        ),
        spot_check_absent=any(draw.outcome is Outcome.ABSENT for draw in draws),
        open_questions=_find_open_questions(person, on, inputs, review),
    )


def shows_presence(row: QueryRow, review_state: ReviewState | None) -> bool | None:
    """Returns whether a check-in proves presence; None while its review is open."""
    if row.source is CheckInSource.BOSS:
        return True
    if review_state is ReviewState.REJECTED or row.verdict is FencePosition.OUTSIDE:
        return False
    if row.result is Result.HELD:
        return True if review_state is ReviewState.ACCEPTED else None
    return row.verdict is FencePosition.INSIDE


def split_into_chunks(days_by_person: Mapping[str, Iterable[date]]) -> Iterator[list[PersonDay]]:
    """Yields (person, day) pairs in chunks of MAX_DAYS_PER_CHUNK, each pair once."""
    pairs = [(person, on) for person in sorted(days_by_person) for on in sorted(set(days_by_person[person]))]
    for start in range(0, len(pairs), MAX_DAYS_PER_CHUNK):
        yield pairs[start : start + MAX_DAYS_PER_CHUNK]


async def evaluate_days(work: UnitOfWork, days_by_person: Mapping[str, Iterable[date]]) -> int:
    """Evaluates these days; returns the number. A day without an assignment has no result; a stored one is withdrawn."""
    return sum([await evaluate_chunk(work, chunk) for chunk in split_into_chunks(days_by_person)])


async def evaluate_chunk(work: UnitOfWork, pairs: Sequence[PersonDay]) -> int:
    """Evaluates one chunk of days in the caller's transaction; returns how many have an assignment."""
    await repository.system_lock_evaluation(work.session)
    return await _store_chunk(work, await _prepare_chunk(work, pairs))


async def evaluate_apart(
    context: ServiceContext, pairs: Sequence[PersonDay], require_turn: RequireTurn | None = None
) -> int:
    """Evaluates one chunk of days in a reading transaction, then stores it in a short one.

    Check-ins and other writers wait for the second only. What a person's events changed in between is evaluated again;
    after MAX_EVALUATION_TRIES it is evaluated within the writing transaction. `require_turn` runs in that transaction.
    """
    for attempt in range(1, MAX_EVALUATION_TRIES + 1):
        async with context.database.read() as session:
            seen = await repository.system_find_visible_position(session)
            prepared = await _prepare_chunk(context.unit_of_work(session), pairs)
        async with context.database.write() as session:
            if require_turn is not None:
                await require_turn(session)
            work = context.unit_of_work(session)
            await repository.system_lock_evaluation(session)
            persons = {person for person, _ in pairs}
            if not await repository.system_has_later_events(session, persons, seen):
                return await _store_chunk(work, prepared)
            if attempt == MAX_EVALUATION_TRIES:
                return await evaluate_chunk(work, pairs)
    raise AssertionError


async def _prepare_chunk(work: UnitOfWork, pairs: Sequence[PersonDay]) -> _PreparedChunk:
    """Loads the inputs of the days and compares their check-ins; writes nothing."""
    inputs = await load_day_inputs(work, pairs)
    prepared = _PreparedChunk(pairs, inputs)
    for index, (person, on) in enumerate(pairs):
        if not index % DAYS_PER_YIELD:
            await asyncio.sleep(0)
        assignment = inputs.find_assignment(person, on)
        if assignment is None:
            prepared.unassigned.append((person, on))
            continue
        district_rules, check_ins = (
            inputs.get_rules(assignment, on),
            inputs.check_ins.get((person, on)),
        )
        anomalies: list[Anomaly] = []
        if check_ins:
            prepared.new_devices += await posts.find_new_devices(work, assignment, check_ins, inputs.devices)
            anomalies = _find_day_anomalies(person, on, inputs, district_rules)
        outcome = evaluate_day(build_day_facts(person, on, work.today, inputs, district_rules))
        anomalies += _find_unsettled(check_ins or (), outcome)
        prepared.days.append((assignment, on, anomalies))
    return prepared


async def _store_chunk(work: UnitOfWork, prepared: _PreparedChunk) -> int:
    """Brings reviews up to date, stores changed results, withdraws days without an assignment; returns the number of days."""
    inputs, writes = prepared.inputs, _PendingWrites()
    await repository.system_load_stored_results(work.session, prepared.pairs, inputs, lock=True)
    for assignment, on, anomalies in prepared.days:
        district_rules = inputs.get_rules(assignment, on)
        ref = district_rules.applied_rules[-1].ref
        await sync_review(work, assignment, on, anomalies, inputs.reviews, ref)
        outcome = evaluate_day(build_day_facts(assignment.person, on, work.today, inputs, district_rules))
        _stage_write(work, assignment, on, inputs, district_rules, outcome, writes)
    if unassigned := [inputs.days[pair] for pair in prepared.unassigned if pair in inputs.days]:
        await _withdraw_days(work, unassigned, inputs, writes)
    await posts.insert_devices(work, prepared.new_devices)
    await bulk_sql.bulk_upsert(
        work.session, DAY_TABLE, writes.rows, key=("person", "work_date"), unless="frozen"
    )
    note_keys(work.session, DAY_TABLE, [row["id"] for row in writes.rows])
    for row, note in writes.notes:
        await repository.system_update_after_signature(work.session, row.id, note, work.at)
    await log_events(work, writes.events)
    await work.session.flush()
    return len(prepared.days)


async def _withdraw_days(
    work: UnitOfWork, rows: Sequence[QueryRow], inputs: DayInputs, writes: _PendingWrites
) -> None:
    """Deletes stored days of persons who were stationed nowhere; a signed one gets a note, an objected one stays as rest."""
    removed = await repository.system_delete_days(work.session, [row.id for row in rows])
    for row in rows:
        await sync_review(work, row, row.work_date, (), inputs.reviews, "")
        is_kept = row.id not in removed
        if row.frozen:
            _stage_note(row, NO_DAY, writes)
            continue
        if is_kept:
            if row.words == NO_DAY.words:
                continue
            version = {"version": row.version + 1, "updated_at": work.at}
            writes.rows.append({**row._asdict(), **asdict(NO_DAY), **version, "works": False})
        event = DayWithdrawn(person=row.person, work_date=row.work_date, was=row.result, kept=is_kept)
        writes.events.append(EventRecord(event, str(row.id), row.version + 1, row.region))


def _build_day_check_ins(
    person: str, rows: Sequence[QueryRow], inputs: DayInputs, review: Review | None
) -> tuple[DayCheckIn, ...]:
    """Returns the person's check-ins of the day with the names of their posts."""
    if not rows:
        return ()
    post_names = {assignment.post_id: assignment.name for assignment in inputs.assignments.get(person, ())}
    return tuple(_build_day_check_in(row, post_names.get(row.post_id, "驻村点"), review) for row in rows)


def _merge_parts(leaves: Sequence[Leave]) -> DayPart | None:
    """Returns the part of the day that these leaves cover together, None without leave."""
    parts = {leave.part for leave in leaves}
    if DayPart.DAY in parts or len(parts) > 1:
        return DayPart.DAY
    return next(iter(parts), None)


def _is_on_leave(leave: Leave, on: date, district_rules: DistrictRules) -> bool:
    """True if the leave covers the day; it ends the day before an early return.

    A rest day within leave by working days is a rest day.
    """
    if district_rules.rules.counts_working_days(leave.kind) and not district_rules.calendar_day.is_worked:
        return False
    last = leave.ends_on if leave.returned_on is None else min(leave.ends_on, leave.returned_on - ONE_DAY)
    return leave.starts_on <= on <= last


def _errand_counts(errand: Errand, on: date, district_rules: DistrictRules) -> bool:
    """True if the errand counts as present: its kind counts, and the town knew before or acknowledged later."""
    last = errand.ends_on if errand.returned_on is None else min(errand.ends_on, errand.returned_on)
    if errand.kind not in district_rules.rules.counts_as_present or not errand.starts_on <= on <= last:
        return False
    if errand.acknowledged_by:
        return errand.state in {ErrandState.ACKNOWLEDGED, ErrandState.RETURNED}
    in_time = to_local_date(errand.reported_at) <= errand.starts_on
    return in_time and errand.state in {ErrandState.REPORTED, ErrandState.RETURNED}


def _build_day_check_in(row: QueryRow, place: str, review: Review | None) -> DayCheckIn:
    """Returns the check-in in local time, with its description."""
    at = row.taken_at.astimezone(CHINA_TIME_ZONE)
    return DayCheckIn(
        at,
        shows_presence(row, review.state if review else None),
        f"{at:%H:%M} {_describe_position(row, place)}",
    )


def _describe_position(row: QueryRow, place: str) -> str:
    """Returns the position relative to the post, in Chinese."""
    if row.source is CheckInSource.BOSS:
        return f"管理员补记({row.remark})"
    verdict: FencePosition | None = row.verdict
    match verdict:
        case FencePosition.INSIDE:
            return f"在{place}围栏内"
        case FencePosition.OUTSIDE:
            return f"在{place}围栏外" + (f"约 {row.distance_m:.0f} 米" if row.distance_m else "")
        case FencePosition.UNSURE:
            return f"在{place}围栏边界附近"
        case None:
            return "没有可判定的定位"


def _build_duty_shift(duty: Duty) -> DutyShift:
    """Returns the shift in local time."""
    return DutyShift(
        starts_at=duty.starts_at.astimezone(CHINA_TIME_ZONE),
        ends_at=duty.ends_at.astimezone(CHINA_TIME_ZONE),
        night=duty.kind is DutyKind.NIGHT,
        is_confirmed=duty.state is DutyState.KEPT,
    )


def _find_open_questions(person: str, on: date, inputs: DayInputs, review: Review | None) -> tuple[str, ...]:
    """Returns the open decisions about the day, in Chinese."""
    questions, pair = [], (person, on)
    if review is not None and review.state is ReviewState.OPEN:
        questions.append("有疑点待复核")
    requested_leaves = [
        leave for leave in inputs.leaves.get(person, ()) if leave.state is LeaveState.REQUESTED
    ]
    if any(leave.starts_on <= on <= leave.ends_on for leave in requested_leaves):
        questions.append("请假审批中")
    if any(make_up.state in PENDING_MAKE_UP_STATES for make_up in inputs.make_ups.get(pair, ())):
        questions.append("补卡审批中")
    if any(draw.outcome in UNCLEAR_OUTCOMES for draw in inputs.spot_checks.get(pair, ())):
        questions.append("抽查答复待核实")
    if any(objection.state is ComplaintState.OPEN for objection in inputs.objections.get(pair, ())):
        questions.append("本人有异议待答复")
    return tuple(questions)


def _find_day_anomalies(
    person: str, on: date, inputs: DayInputs, district_rules: DistrictRules
) -> list[Anomaly]:
    """Returns the anomalies of the day's check-ins, including use of an unregistered phone."""
    previous = inputs.previous_check_ins.get((person, on))
    rows = inputs.history.get(person) or [*([previous] if previous else []), *inputs.check_ins[person, on]]
    evidence = [
        _build_evidence(check_in)
        for check_in in rows
        if check_in.source is not CheckInSource.BOSS and check_in.work_date <= on
    ]
    devices = inputs.devices.get(person, {})
    other_users = {
        device: [
            (user, at.astimezone(CHINA_TIME_ZONE))
            for user, at in inputs.device_users[device]
            if user != person
        ]
        for device in {trace.device for trace in evidence if trace.on == on}
        if device in inputs.device_users
    }
    untrusted = [
        trace.id
        for trace in evidence
        if trace.on == on and trace.device in devices and not devices[trace.device].is_trusted_at(trace.at)
    ]
    new_device = (
        [Anomaly(AnomalyKind.NEW_DEVICE, AnomalyKind.NEW_DEVICE.label, tuple(untrusted))] if untrusted else []
    )
    return [*find_anomalies(on, evidence, other_users, district_rules.thresholds), *new_device]


def _build_evidence(check_in: QueryRow) -> CheckInEvidence:
    """Returns a check-in row as evidence; coarse positions are left out."""
    return CheckInEvidence(
        id=check_in.id,
        on=check_in.work_date,
        at=check_in.taken_at.astimezone(CHINA_TIME_ZONE),
        place=None
        if check_in.lon is None or check_in.lat is None or check_in.coarse
        else (check_in.lon, check_in.lat),
        accuracy_m=check_in.accuracy_m,
        device=check_in.device,
        mock=bool(check_in.mock),
        clock_off="clock" in check_in.flags,
    )


def _find_unsettled(check_ins: Sequence[QueryRow], outcome: DayOutcome) -> list[Anomaly]:
    """Returns an anomaly for held check-ins, only if the day's result depends on them."""
    if not outcome.result.needs_decision:
        return []
    held_check_ins = [check_in for check_in in check_ins if check_in.result is Result.HELD]
    flags = sorted({flag for check_in in held_check_ins for flag in check_in.flags})
    text = "、".join(Flag(flag).label for flag in flags) or "在围栏边界附近"
    return [
        Anomaly(
            AnomalyKind.UNSETTLED,
            f"{AnomalyKind.UNSETTLED.label}: {text}",
            tuple(check_in.id for check_in in held_check_ins),
        )
    ]


def _stage_write(
    work: UnitOfWork,
    assignment: QueryRow,
    on: date,
    inputs: DayInputs,
    district_rules: DistrictRules,
    outcome: DayOutcome,
    writes: _PendingWrites,
) -> None:
    """Adds the row and event of a day that changed; a frozen day gets a note only."""
    row = inputs.days.get((assignment.person, on))
    if row is not None and row.frozen:
        _stage_note(row, outcome, writes)
        return
    values = _build_values(assignment, on, inputs, district_rules, outcome)
    if row is not None and all(getattr(row, name) == value for name, value in values.items()):
        return
    identifier = new_id() if row is None else row.id
    version = 1 if row is None else row.version + 1
    writes.rows.append(
        {
            **values,
            "id": identifier,
            "version": version,
            "created_at": work.at,
            "created_by": work.actor.id,
            "updated_at": work.at,
            "created_digest": "",
            "person": assignment.person,
            "work_date": on,
            "month": f"{on:%Y-%m}",
            "frozen": False,
        }
    )
    if not outcome.provisional and (row is None or row.provisional):
        event = DaySettled(
            person=assignment.person, work_date=on, result=outcome.result, halves=outcome.halves
        )
        writes.events.append(EventRecord(event, str(identifier), version, assignment.region))


def _build_values(
    assignment: QueryRow, on: date, inputs: DayInputs, district_rules: DistrictRules, outcome: DayOutcome
) -> dict[str, Any]:
    """Returns the column values that follow from the evaluation."""
    members = inputs.members.get(assignment.person, ())
    team_ids = (
        member.team_id for member in members if member.starts_on <= on and (member.ends_on or on) >= on
    )
    return {
        "region": assignment.region,
        "person_name": assignment.person_name,
        "post_id": assignment.post_id,
        "team_id": next(team_ids, None),
        "group_id": district_rules.group_id,
        "result": outcome.result,
        "halves": outcome.halves,
        "leave_halves": outcome.leave_halves,
        "works": district_rules.calendar_day.is_worked,
        "provisional": outcome.provisional,
        "words": outcome.words,
        "rule_refs": list(district_rules.rule_refs),
        "after_signature": {},
    }


def _stage_note(row: QueryRow, outcome: DayOutcome, writes: _PendingWrites) -> None:
    """Adds a note if the result of a signed day would differ; the day changes only after the sheet is reopened."""
    is_same = (outcome.result, outcome.halves, outcome.leave_halves) == (
        row.result,
        row.halves,
        row.leave_halves,
    )
    note: dict[str, Any] = {}
    if not is_same:
        note = {"result": outcome.result, "halves": outcome.halves, "words": outcome.words}
    if row.after_signature != note:
        writes.notes.append((row, note))
