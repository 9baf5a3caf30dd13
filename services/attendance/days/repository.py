"""Queries on days and on the inputs of their evaluation; each takes any number of persons and days in one statement."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.complaints.models import Complaint
from services.attendance.days.models import AttendanceDay, Recalculation
from services.attendance.days.rules import DistrictRules, apply_group, is_active, load_district_rules
from services.attendance.duties.models import Duty
from services.attendance.errands.models import Errand
from services.attendance.fields import DISTRICT_DIGITS
from services.attendance.groups import repository as groups
from services.attendance.leaves.models import Leave
from services.attendance.make_ups.models import MakeUp
from services.attendance.posts.models import Assignment, Device, Post
from services.attendance.posts.service import DeviceStatus
from services.attendance.repository import visible_rows
from services.attendance.reviews import repository as reviews
from services.attendance.reviews.models import Review
from services.attendance.reviews.repository import MAX_DAY_LENGTH, EvidenceBounds
from services.attendance.spot_checks.models import DrawnPerson
from services.attendance.sql_conditions import get_columns, overlaps_days
from services.attendance.teams.models import Member
from shared.clients.attendance import DaySettled, DayWithdrawn
from shared.db import event_log, execute_core, in_list, log_cursor, note_keys, note_removed, values_table
from shared.events import LOG_START, Cursor, after_cursor, is_visible
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

T = TypeVar("T", bound=SQLModel)
MAX_BOARD_ROWS = 5000
PersonDay = tuple[str, date]
"""(person, day)."""
EVALUATION_LOCK_ID = 7_062_025
"""Advisory lock of evaluation: a result from older rows must not overwrite one from newer rows."""
_PERSON_DAY_TYPES: dict[str, Any] = {
    "person": sa.String(),
    "on": sa.Date(),
    "back": sa.DateTime(timezone=True),
    "low": sa.DateTime(timezone=True),
    "high": sa.DateTime(timezone=True),
}
MAX_EVALUATED_CHECK_INS = 200
"""Check-ins of one day that evaluation reads; days of earlier releases may have thousands."""
MAX_SHARED_DEVICE_ROWS = 5_000
"""Check-ins with shared phones that are read per load; more would add nothing."""
OWN_TOPICS = (DaySettled.topic, DayWithdrawn.topic)
"""What evaluation itself tells of days: nothing follows from it for them."""
QueryRow = Any
"""A row of columns, named as its query names them."""


@dataclass
class DayInputs:
    """Rows that evaluation reads, by (person, day) or by person."""

    assignments: dict[str, list[QueryRow]]
    district_rules: dict[tuple[str, date], DistrictRules] = field(default_factory=dict)
    check_ins: dict[PersonDay, list[QueryRow]] = field(default_factory=dict)
    duty_check_ins: dict[PersonDay, list[QueryRow]] = field(default_factory=dict)
    """Check-ins of the following day, for days with a shift across the start of that day."""
    previous_check_ins: dict[PersonDay, QueryRow] = field(default_factory=dict)
    history: dict[str, list[QueryRow]] = field(default_factory=dict)
    """Check-ins of the look-back days, only of persons for whom anomalies over several days are possible."""
    device_users: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    devices: dict[str, dict[str, DeviceStatus]] = field(default_factory=dict)
    """Person → device → status."""
    leaves: dict[str, list[Leave]] = field(default_factory=dict)
    errands: dict[str, list[Errand]] = field(default_factory=dict)
    members: dict[str, list[Member]] = field(default_factory=dict)
    groups: dict[str, list[QueryRow]] = field(default_factory=dict)
    make_ups: dict[PersonDay, list[MakeUp]] = field(default_factory=dict)
    duties: dict[PersonDay, list[Duty]] = field(default_factory=dict)
    spot_checks: dict[PersonDay, list[DrawnPerson]] = field(default_factory=dict)
    reviews: dict[PersonDay, Review] = field(default_factory=dict)
    objections: dict[PersonDay, list[Complaint]] = field(default_factory=dict)
    days: dict[PersonDay, QueryRow] = field(default_factory=dict)

    def find_assignment(self, person: str, on: date) -> QueryRow | None:
        """Returns the person's first assignment that is active on a day, or None."""
        return next(
            (assignment for assignment in self.assignments.get(person, ()) if is_active(assignment, on)),
            None,
        )

    def get_rules(self, assignment: QueryRow, on: date) -> DistrictRules:
        """Returns the rules of an assignment's district on a day, by the terms of the person's attendance group."""
        rules, pair = self.district_rules[assignment.region[:DISTRICT_DIGITS], on], (assignment.person, on)
        group = next((row for row in self.groups.get(pair[0], ()) if is_active(row, on)), None)
        return rules if group is None else apply_group(rules, group, on, self.duties.get(pair, ()))


def system_build_days_table(
    session: AsyncSession, pairs: Iterable[PersonDay], look_back_days: int = 0
) -> Any:  # noqa: ANN401 - a FROM element
    """Returns a VALUES table of persons and days to join with.

    `low`..`high` (UTC) contains every check-in of the day, `back`..`low` those of the look-back days.
    """
    rows = []
    for person, on in pairs:
        low = datetime.combine(on, time(), CHINA_TIME_ZONE).astimezone(UTC)
        back = low - timedelta(days=look_back_days)
        rows.append({"person": person, "on": on, "back": back, "low": low, "high": low + MAX_DAY_LENGTH})
    return values_table(session, _PERSON_DAY_TYPES, rows)


async def system_lock_evaluation(session: AsyncSession) -> None:
    """Takes the evaluation lock until the transaction ends (PostgreSQL; SQLite has one writer).

    Forces custom plans: a generic plan from when the tables were small scans them whole.
    """
    if session.get_bind().dialect.name == "postgresql":
        custom_plans = sa.func.set_config("plan_cache_mode", "force_custom_plan", sa.true())
        await execute_core(
            session, sa.select(sa.func.pg_advisory_xact_lock(EVALUATION_LOCK_ID), custom_plans)
        )


async def system_list_assignments(
    session: AsyncSession, persons: Collection[str], first: date, last: date
) -> list[sa.Row[Any]]:
    """Returns assignments with their posts that overlap any of these days, by start."""
    assignment, post = get_columns(Assignment), get_columns(Post)
    query = (
        sa.select(
            assignment.person,
            assignment.person_name,
            assignment.region,
            assignment.starts_on,
            assignment.ends_on,
            assignment.post_id,
            post.name,
            post.closed_on,
        )
        .join_from(Assignment, Post, post.id == assignment.post_id)
        .where(in_list(session, assignment.person, persons), overlaps_days(Assignment, first, last))
        .order_by(assignment.starts_on, assignment.id)
    )
    return list(await execute_core(session, query))


async def system_list_overlapping(
    session: AsyncSession, table: type[T], persons: Collection[str], first: date, last: date
) -> list[T]:
    """Returns the persons' rows of a table whose period overlaps these days."""
    of_persons = in_list(session, col(table.person), persons)  # type: ignore[attr-defined]
    return list(await session.exec(select(table).where(of_persons, overlaps_days(table, first, last))))


async def system_list_dated(
    session: AsyncSession,
    table: type[T],
    days: Any,  # noqa: ANN401 - from `system_build_days_table`
    column: str = "work_date",
    *,
    lock: bool = False,
) -> list[T]:
    """Returns the rows of a table whose person and date are in `days`."""
    person, on = col(table.person), col(getattr(table, column))  # type: ignore[attr-defined]
    query = select(table).join(days, sa.and_(person == days.c.person, on == days.c.on))
    return list(await session.exec(query.with_for_update(of=table) if lock else query))


async def system_list_days(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - from `system_build_days_table`
    """Returns the stored results of the days."""
    day = get_columns(AttendanceDay)
    query = sa.select(*day).join(days, sa.and_(day.person == days.c.person, day.work_date == days.c.on))
    return list(await execute_core(session, query))


async def system_delete_days(session: AsyncSession, day_ids: Collection[UUID]) -> set[UUID]:
    """Deletes days that are not signed and to which nobody objected; returns those that are gone."""
    day, objection = get_columns(AttendanceDay), get_columns(Complaint)
    objected = sa.select(objection.id).where(objection.day_id == day.id).exists()
    going = sa.and_(day.id.in_(day_ids), day.frozen.is_(False), ~objected)
    removed = set(
        (await execute_core(session, sa.delete(day.id.table).where(going).returning(day.id))).scalars()
    )
    note_removed(session, day.id.table, removed)
    return removed


async def system_update_after_signature(
    session: AsyncSession, day_id: UUID, noted: dict[str, Any], at: datetime
) -> None:
    """Stores beside a signed day the result that later data would give."""
    day = get_columns(AttendanceDay)
    changed = {"after_signature": noted, "version": day.version + 1, "updated_at": at}
    await execute_core(session, sa.update(day.id.table).where(day.id == day_id).values(**changed))
    note_keys(session, day.id.table, [day_id])


async def system_list_log_rows(session: AsyncSession, cursor: Cursor, limit: int) -> list[sa.Row[Any]]:
    """Returns visible log rows after the cursor, with the payload fields that concern days; `ended_on` was the last day before."""
    log = event_log.c
    fields = ("person", "work_date", "starts_on", "ends_on", "key", "effective_from", "since")
    query = (
        sa.select(
            log.tx,
            log.seq,
            log.type,
            log.region,
            *(log.after[name].as_string().label(name) for name in fields),
            log.before["ends_on"].as_string().label("ended_on"),
        )
        .where(after_cursor(cursor), is_visible(session))
        .order_by(log.tx, log.seq)
        .limit(limit)
    )
    return list(await execute_core(session, query))


async def system_renew_lease(session: AsyncSession, subscriber: str, attempts: int, until: datetime) -> bool:
    """Extends the lease; returns False if another process took it over."""
    cursor = log_cursor.c
    own_lease = sa.and_(cursor.subscriber == subscriber, cursor.attempts == attempts)
    return (
        await execute_core(session, log_cursor.update().where(own_lease).values(due_at=until))
    ).rowcount == 1


async def system_list_devices(session: AsyncSession, persons: Collection[str]) -> list[sa.Row[Any]]:
    """Returns (person, device, state, state_since) of the persons' phones."""
    device = get_columns(Device)
    columns = (device.person, device.device, device.state, device.state_since)
    query = sa.select(*columns).where(in_list(session, device.person, persons))
    return list(await execute_core(session, query))


async def system_list_unevaluated_persons(session: AsyncSession, on: date, *, provisional: bool) -> list[str]:
    """Returns persons assigned on a day that has no result; with `provisional` also those with a provisional one."""
    day, assignment = get_columns(AttendanceDay), get_columns(Assignment)
    final = [day.provisional.is_(False)] if provisional else []
    evaluated = (
        sa.select(day.person).where(day.work_date == on, day.person == assignment.person, *final).exists()
    )
    query = sa.select(assignment.person).where(overlaps_days(Assignment, on, on), ~evaluated).distinct()
    return list((await execute_core(session, query.order_by(assignment.person))).scalars())


async def list_board_rows(work: UnitOfWork, region: str, on: date) -> list[sa.Row[Any]]:
    """Returns who is stationed in a region that day, within what the caller may see: assignment, post, day result or None."""
    assignment, post, day = get_columns(Assignment), get_columns(Post), get_columns(AttendanceDay)
    query = (
        sa.select(
            assignment.person, assignment.person_name, assignment.region, post.name, day.result, day.words
        )
        .join(post.id.table, post.id == assignment.post_id)
        .outerjoin(day.id.table, sa.and_(day.person == assignment.person, day.work_date == on))
        .where(
            visible_rows(work, Assignment),
            work.within_region(assignment.region, region),
            assignment.starts_on <= on,
            sa.or_(assignment.ends_on.is_(None), assignment.ends_on >= on),
        )
        .order_by(assignment.region, assignment.person_name, assignment.person)
        .limit(MAX_BOARD_ROWS)
    )
    return list(await execute_core(work.session, query))


async def system_list_districts(session: AsyncSession) -> list[str]:
    """Returns the districts that have posts."""
    head = sa.func.substr(get_columns(Post).region, 1, DISTRICT_DIGITS)
    rows = await execute_core(session, sa.select(head).distinct().order_by(head))
    return [code.ljust(12, "0") for code in rows.scalars()]


async def system_upsert_recalculation(
    session: AsyncSession, region: str, first: date, last: date, at: datetime
) -> None:
    """Requests recalculation of a region's days; restarts one that is open and keeps its earlier first day."""
    existing = (
        await session.exec(select(Recalculation).where(Recalculation.region == region).with_for_update())
    ).first()
    recalculation = existing or Recalculation(region=region, first=first, on_day=last, asked_at=at)
    recalculation.first, recalculation.on_day, recalculation.after_person, recalculation.asked_at = (
        min(recalculation.first, first),
        last,
        "",
        at,
    )
    session.add(recalculation)


async def system_find_next_recalculation(session: AsyncSession) -> Recalculation | None:
    """Returns the oldest recalculation, locked; None if there is none or another process works on it."""
    query = select(Recalculation).order_by(col(Recalculation.asked_at)).limit(1)
    return (await session.exec(query.with_for_update(skip_locked=True))).first()


async def system_find_recalculation(session: AsyncSession, region: str) -> Recalculation | None:
    """Returns the open recalculation of a region, locked, or None."""
    query = select(Recalculation).where(Recalculation.region == region)
    return (await session.exec(query.with_for_update())).first()


async def system_list_assigned_persons(
    work: UnitOfWork, region: str, on: date, after: str, limit: int
) -> list[str]:
    """Returns up to `limit` persons assigned in a region on a day, sorted, after the person `after`."""
    assignment = get_columns(Assignment)
    query = (
        sa.select(assignment.person)
        .where(
            work.within_region(assignment.region, region),
            overlaps_days(Assignment, on, on),
            assignment.person > after,
        )
        .distinct()
        .order_by(assignment.person)
        .limit(limit)
    )
    return list((await execute_core(work.session, query)).scalars())


async def load_day_inputs(work: UnitOfWork, pairs: Sequence[PersonDay]) -> DayInputs:
    """Loads all inputs of these days, and earlier check-ins as far as anomaly detection needs them."""
    session, persons = work.session, list(dict.fromkeys(person for person, _ in pairs))
    first, last = min(on for _, on in pairs), max(on for _, on in pairs)
    inputs = DayInputs(_group_by_person(await system_list_assignments(session, persons, first, last)))
    await _load_all_district_rules(work, pairs, inputs)
    if not inputs.district_rules:
        return inputs
    bounds = _merge_bounds(inputs)
    days = system_build_days_table(session, pairs, bounds.look_back_days)
    check_ins = _group_by_day(await reviews.system_list_check_ins(session, days))
    crowded = {pair for pair, rows in check_ins.items() if len(rows) > MAX_EVALUATED_CHECK_INS}
    inputs.check_ins = {pair: _shorten(rows) if pair in crowded else rows for pair, rows in check_ins.items()}
    await system_load_stored_results(session, pairs, inputs)
    inputs.make_ups = _group_by_day(await system_list_dated(session, MakeUp, days, "starts_on"), "starts_on")
    inputs.duties = _group_by_day(await system_list_dated(session, Duty, days))
    await _load_duty_check_ins(session, inputs)
    inputs.spot_checks = _group_by_day(await system_list_dated(session, DrawnPerson, days))
    inputs.objections = _group_by_day(await system_list_dated(session, Complaint, days))
    inputs.leaves = _group_by_person(await system_list_overlapping(session, Leave, persons, first, last))
    inputs.errands = _group_by_person(await system_list_overlapping(session, Errand, persons, first, last))
    inputs.groups = await groups.system_list_terms(session, persons, first, last)
    inputs.members = _group_by_person(await system_list_overlapping(session, Member, persons, first, last))
    quiet_pairs = [pair for pair in pairs if pair not in crowded]
    if inputs.check_ins and quiet_pairs:
        quiet_days = system_build_days_table(session, quiet_pairs, bounds.look_back_days)
        await _load_evidence(work, quiet_days, inputs, bounds, (first, last))
    return inputs


async def system_load_stored_results(
    session: AsyncSession, pairs: Sequence[PersonDay], inputs: DayInputs, *, lock: bool = False
) -> None:
    """Loads the stored results and reviews of these days into the inputs."""
    days = system_build_days_table(session, pairs)
    inputs.days = {(day.person, day.work_date): day for day in await system_list_days(session, days)}
    for review in await system_list_dated(session, Review, days, lock=lock):
        inputs.reviews[review.person, review.work_date] = review


async def system_find_visible_position(session: AsyncSession) -> Cursor:
    """Returns the position of the last log row that readers see: what is written later stands after it."""
    log = event_log.c
    query = sa.select(log.tx, log.seq).where(is_visible(session)).order_by(log.tx.desc(), log.seq.desc())
    row = (await execute_core(session, query.limit(1))).first()
    return LOG_START if row is None else (row.tx, row.seq)


async def system_has_later_events(session: AsyncSession, persons: Collection[str], since: Cursor) -> bool:
    """True if the log has a row after a position that concerns the days of one of the persons."""
    log = event_log.c
    person = log.after["person"].as_string()
    query = sa.select(log.seq).where(
        after_cursor(since), log.type.not_in(OWN_TOPICS), in_list(session, person, persons)
    )
    return (await execute_core(session, query.limit(1))).first() is not None


def _shorten(rows: list[QueryRow]) -> list[QueryRow]:
    """Returns the first and the last check-ins of an endless day: those between prove nothing more."""
    half = MAX_EVALUATED_CHECK_INS // 2
    return [*rows[:half], *rows[-half:]]


async def _load_duty_check_ins(session: AsyncSession, inputs: DayInputs) -> None:
    """Loads the check-ins of the day after, for shifts that end after their own day."""
    nights = [pair for pair, duties in inputs.duties.items() if any(map(_ends_next_day, duties))]
    if not nights:
        return
    next_days = system_build_days_table(session, [(person, on + timedelta(days=1)) for person, on in nights])
    for check_in in await reviews.system_list_check_ins(session, next_days):
        pair = check_in.person, check_in.work_date - timedelta(days=1)
        inputs.duty_check_ins.setdefault(pair, []).append(check_in)
    known_reviews = await system_list_dated(session, Review, next_days)
    for review in known_reviews:
        inputs.reviews.setdefault((review.person, review.work_date), review)


def _ends_next_day(duty: Duty) -> bool:
    return duty.ends_at.astimezone(CHINA_TIME_ZONE).date() > duty.work_date


async def system_list_night_duties(
    session: AsyncSession, person_days: Collection[PersonDay]
) -> list[PersonDay]:
    """Returns those of the days on which the person has a shift that ends on a later day."""
    days = system_build_days_table(session, person_days)
    duties = await system_list_dated(session, Duty, days)
    return [(duty.person, duty.work_date) for duty in duties if _ends_next_day(duty)]


async def _load_all_district_rules(work: UnitOfWork, pairs: Sequence[PersonDay], inputs: DayInputs) -> None:
    """Loads the rules of each district and day once."""
    for person, on in pairs:
        assignment = inputs.find_assignment(person, on)
        if assignment is not None and (assignment.region[:DISTRICT_DIGITS], on) not in inputs.district_rules:
            inputs.district_rules[assignment.region[:DISTRICT_DIGITS], on] = await load_district_rules(
                work, assignment.region, on
            )


def _merge_bounds(inputs: DayInputs) -> EvidenceBounds:
    """Returns the widest bounds over all districts involved."""
    rules = [rules.thresholds for rules in inputs.district_rules.values()]
    return EvidenceBounds(
        look_back_days=max(thresholds.look_back_days for thresholds in rules),
        same_place_days=min(thresholds.same_place_days for thresholds in rules),
        same_second_days=min(thresholds.same_second_days for thresholds in rules),
        precise_m=max(thresholds.precise_m for thresholds in rules),
        precise_days=min(thresholds.precise_days for thresholds in rules),
    )


async def _load_evidence(
    work: UnitOfWork,
    days: QueryRow,
    inputs: DayInputs,
    bounds: EvidenceBounds,
    span: tuple[date, date],
) -> None:
    """Loads what the check-ins are compared with: earlier ones, and other persons' use of the same phones."""
    session = work.session
    inputs.previous_check_ins = {
        (check_in.person, check_in.for_day): check_in
        for check_in in await reviews.system_list_previous_check_ins(session, days)
    }
    if suspects := await reviews.system_list_suspects(session, days, bounds):
        since = span[0] - timedelta(days=bounds.look_back_days)
        inputs.history = _group_by_person(
            await reviews.system_list_history(session, suspects, since, span[1])
        )
    persons = {person for person, _ in inputs.check_ins}
    for row in await system_list_devices(session, persons):
        inputs.devices.setdefault(row.person, {})[row.device] = DeviceStatus(row.state, row.state_since)
    check_ins = [check_in for rows in inputs.check_ins.values() for check_in in rows if check_in.device]
    if not check_ins:
        return
    window = timedelta(hours=max(rules.thresholds.device_hours for rules in inputs.district_rules.values()))
    low, high = (
        min(check_in.taken_at for check_in in check_ins) - window,
        max(check_in.taken_at for check_in in check_ins) + window,
    )
    users = await reviews.system_list_shared_device_users(
        session, {check_in.device for check_in in check_ins}, low, high, MAX_SHARED_DEVICE_ROWS
    )
    for device, person, at in users:
        inputs.device_users.setdefault(device, []).append((person, at))


def _group_by_person(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Groups rows by `person`."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.person].append(row)
    return groups


def _group_by_day(rows: Sequence[Any], column: str = "work_date") -> dict[PersonDay, list[Any]]:
    """Groups rows by `person` and a date column."""
    groups: dict[PersonDay, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.person, getattr(row, column)].append(row)
    return groups
