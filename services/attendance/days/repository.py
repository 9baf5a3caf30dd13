"""Every query over days, and the rows that days are reckoned from: one statement for any number of persons and days."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Source
from services.attendance.complaints.models import Complaint
from services.attendance.days.models import AttendanceDay, Recalculation
from services.attendance.duties.models import Duty
from services.attendance.errands.models import Errand
from services.attendance.leaves.models import Leave
from services.attendance.make_ups.models import MakeUp
from services.attendance.policy import (
    AnomalyThresholds,
    CheckInLimits,
    CheckInSwitches,
    PresenceRules,
    load_calendar,
    load_rule,
)
from services.attendance.posts.models import Assignment, Device, Post
from services.attendance.posts.service import DeviceStatus
from services.attendance.reviews import repository as evidence
from services.attendance.reviews.models import Review
from services.attendance.reviews.repository import MAX_DAY_LENGTH, EvidenceBounds
from services.attendance.spot_checks.models import DrawnPerson
from services.attendance.sql_conditions import get_columns, overlaps_days
from services.attendance.teams.models import Member
from shared.auth import region_bounds
from shared.china import Day, get_day
from shared.db import event_log, execute_core, in_list, log_cursor, values_table
from shared.events import Cursor, after_cursor, is_visible
from shared.rules import Rule
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

T = TypeVar("T", bound=SQLModel)
PersonDay = tuple[str, date]
"""A person and a day."""
EVALUATION_LOCK_ID = 7_062_025
"""The lock of those who reckon: what was read last is written last."""
_PERSON_DAY_TYPES: dict[str, Any] = {
    "person": sa.String(),
    "on": sa.Date(),
    "back": sa.DateTime(timezone=True),
    "low": sa.DateTime(timezone=True),
    "high": sa.DateTime(timezone=True),
}


def system_build_days_table(
    session: AsyncSession, pairs: Iterable[PersonDay], look_back_days: int = 0
) -> Any:  # noqa: ANN401 - a FROM element
    """Persons and days to join with; `low` to `high` hold every punch of the day, `back` to `low` those before it."""
    rows = []
    for person, on in pairs:
        low = datetime.combine(on, time(), CHINA_TIME_ZONE).astimezone(UTC)
        back = low - timedelta(days=look_back_days)
        rows.append({"person": person, "on": on, "back": back, "low": low, "high": low + MAX_DAY_LENGTH})
    return values_table(session, _PERSON_DAY_TYPES, rows)


async def system_lock_evaluation(session: AsyncSession) -> None:
    """Wait until nobody else reckons, until this transaction ends.

    Its statements are planned anew each time: a plan kept from when the tables were small would read them whole.
    """
    if session.get_bind().dialect.name == "postgresql":
        anew = sa.func.set_config("plan_cache_mode", "force_custom_plan", sa.true())
        await execute_core(session, sa.select(sa.func.pg_advisory_xact_lock(EVALUATION_LOCK_ID), anew))


async def system_list_assignments(
    session: AsyncSession, persons: Collection[str], first: date, last: date
) -> list[sa.Row[Any]]:
    """Where these persons were stationed on any of these days."""
    held, post = get_columns(Assignment), get_columns(Post)
    query = (
        sa.select(
            held.person,
            held.person_name,
            held.region,
            held.starts_on,
            held.ends_on,
            held.post_id,
            post.name,
            post.closed_on,
        )
        .join_from(Assignment, Post, post.id == held.post_id)
        .where(in_list(session, held.person, persons), overlaps_days(Assignment, first, last))
        .order_by(held.starts_on, held.id)
    )
    return list(await execute_core(session, query))


async def system_list_overlapping(
    session: AsyncSession, table: type[T], persons: Collection[str], first: date, last: date
) -> list[T]:
    """Rows of persons whose time touches these days."""
    mine = in_list(session, col(table.person), persons)  # type: ignore[attr-defined]
    return list(await session.exec(select(table).where(mine, overlaps_days(table, first, last))))


async def system_list_dated(
    session: AsyncSession,
    table: type[T],
    days: Any,  # noqa: ANN401 - of `system_sought`
    column: str = "work_date",
    *,
    lock: bool = False,
) -> list[T]:
    """Rows of persons dated on their days."""
    person, on = col(table.person), col(getattr(table, column))  # type: ignore[attr-defined]
    query = select(table).join(days, sa.and_(person == days.c.person, on == days.c.on))
    return list(await session.exec(query.with_for_update(of=table) if lock else query))


async def system_list_days(session: AsyncSession, days: Any) -> list[sa.Row[Any]]:  # noqa: ANN401 - of `system_sought`
    """What was reckoned before."""
    day = get_columns(AttendanceDay)
    query = sa.select(*day).join(days, sa.and_(day.person == days.c.person, day.work_date == days.c.on))
    return list(await execute_core(session, query))


async def system_update_after_signature(
    session: AsyncSession, day_id: UUID, noted: dict[str, Any], at: datetime
) -> None:
    """Show beside a signed day what came after its signature."""
    day = get_columns(AttendanceDay)
    changed = {"after_signature": noted, "version": day.version + 1, "updated_at": at}
    await execute_core(session, sa.update(day.id.table).where(day.id == day_id).values(**changed))


async def system_list_log_rows(session: AsyncSession, cursor: Cursor, limit: int) -> list[sa.Row[Any]]:
    """What the log tells after a place, as far as it concerns days."""
    log = event_log.c
    told = ("person", "work_date", "starts_on", "ends_on", "key", "effective_from", "since")
    query = (
        sa.select(
            log.tx, log.seq, log.type, log.region, *(log.after[name].as_string().label(name) for name in told)
        )
        .where(after_cursor(cursor), is_visible(session))
        .order_by(log.tx, log.seq)
        .limit(limit)
    )
    return list(await execute_core(session, query))


async def system_renew_lease(session: AsyncSession, follower: str, attempts: int, until: datetime) -> bool:
    """Keep the lease until then; False when another process has it by now."""
    place = log_cursor.c
    mine = sa.and_(place.subscriber == follower, place.attempts == attempts)
    return (await execute_core(session, log_cursor.update().where(mine).values(due_at=until))).rowcount == 1


async def system_list_devices(session: AsyncSession, persons: Collection[str]) -> list[sa.Row[Any]]:
    """(person, device, state, since when) of persons' phones."""
    phone = get_columns(Device)
    wanted = (phone.person, phone.device, phone.state, phone.state_since)
    query = sa.select(*wanted).where(in_list(session, phone.person, persons))
    return list(await execute_core(session, query))


async def system_list_unevaluated_persons(session: AsyncSession, on: date, *, provisional: bool) -> list[str]:
    """Persons stationed on a day for whom that day was not reckoned yet; those too for whom it may have ripened."""
    day, posting = get_columns(AttendanceDay), get_columns(Assignment)
    settled = [day.provisional.is_(False)] if provisional else []
    done = sa.select(day.person).where(day.work_date == on, day.person == posting.person, *settled).exists()
    query = sa.select(posting.person).where(overlaps_days(Assignment, on, on), ~done).distinct()
    return list((await execute_core(session, query.order_by(posting.person))).scalars())


async def system_coarsen_check_ins(
    session: AsyncSession, region: tuple[str, str], before: date, limit: int
) -> int:
    """Take the detail away from places recorded in a span of regions before a day; how many rows."""
    row = get_columns(CheckIn)
    old = (
        sa.select(row.id)
        .where(row.region.between(*region), row.work_date < before, row.coarse.is_(False))
        .limit(limit)
    )
    coarser: dict[str, Any] = {
        "lon": sa.func.round(sa.cast(row.lon, sa.Numeric), 2),
        "lat": sa.func.round(sa.cast(row.lat, sa.Numeric), 2),
        "fix": {},
        "coarse": True,
        # What another system wrote about the place is its address.
        "remark": sa.case((row.source == Source.SYSTEM, ""), else_=row.remark),
    }
    table = CheckIn.__table__  # type: ignore[attr-defined]
    done = await execute_core(session, sa.update(table).where(row.id.in_(old)).values(**coarser))
    return done.rowcount


async def system_upsert_recalculation(
    session: AsyncSession, region: str, first: date, last: date, at: datetime
) -> None:
    """Want a region's days reckoned anew, whatever was wanted of it before."""
    found = (
        await session.exec(select(Recalculation).where(Recalculation.region == region).with_for_update())
    ).first()
    job = found or Recalculation(region=region, first=first, on_day=last, asked_at=at)
    job.first, job.on_day, job.after_person, job.asked_at = min(job.first, first), last, "", at
    session.add(job)


async def system_find_next_recalculation(session: AsyncSession) -> Recalculation | None:
    """What was asked for first, locked; None when nothing is, or another process is at it."""
    query = select(Recalculation).order_by(col(Recalculation.asked_at)).limit(1)
    return (await session.exec(query.with_for_update(skip_locked=True))).first()


async def system_list_assigned_persons(
    session: AsyncSession, region: str, on: date, after: str, limit: int
) -> list[str]:
    """Persons stationed in a region on a day, by name after one."""
    posting = get_columns(Assignment)
    query = (
        sa.select(posting.person)
        .where(
            posting.region.between(*region_bounds(region)),
            overlaps_days(Assignment, on, on),
            posting.person > after,
        )
        .distinct()
        .order_by(posting.person)
        .limit(limit)
    )
    return list((await execute_core(session, query)).scalars())


DISTRICT_DIGITS = 6
"""Digits of a region's code that name its district, which sets the rules."""
MAX_SHARED_DEVICE_ROWS = 5_000
"""Check-ins with shared phones that are looked at for some days together; more say nothing new."""
QueryRow = Any
"""Columns of one row, as a query in repository.py names them."""


@dataclass(frozen=True)
class DistrictRules:
    """The dated rules of one district on one day."""

    rules: PresenceRules
    switches: CheckInSwitches
    limits: CheckInLimits
    evidence: AnomalyThresholds
    calendar_day: Day
    applied_rules: tuple[Rule, ...]
    rule_refs: tuple[str, ...]


@dataclass
class DayInputs:
    """Rows by person and day, and by person."""

    assignments: dict[str, list[QueryRow]]
    district_rules: dict[tuple[str, date], DistrictRules] = field(default_factory=dict)
    check_ins: dict[PersonDay, list[QueryRow]] = field(default_factory=dict)
    previous_check_ins: dict[PersonDay, QueryRow] = field(default_factory=dict)
    history: dict[str, list[QueryRow]] = field(default_factory=dict)
    """Check-ins of some days before, of those persons only for whom they can tell more than `before`."""
    device_users: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    devices: dict[str, dict[str, DeviceStatus]] = field(default_factory=dict)
    """Person → phone → how it stands."""
    leaves: dict[str, list[Leave]] = field(default_factory=dict)
    errands: dict[str, list[Errand]] = field(default_factory=dict)
    members: dict[str, list[Member]] = field(default_factory=dict)
    make_ups: dict[PersonDay, list[MakeUp]] = field(default_factory=dict)
    duties: dict[PersonDay, list[Duty]] = field(default_factory=dict)
    spot_checks: dict[PersonDay, list[DrawnPerson]] = field(default_factory=dict)
    reviews: dict[PersonDay, Review] = field(default_factory=dict)
    objections: dict[PersonDay, list[Complaint]] = field(default_factory=dict)
    days: dict[PersonDay, QueryRow] = field(default_factory=dict)

    def find_assignment(self, person: str, on: date) -> QueryRow | None:
        """Where the person was stationed first on a day; None where nowhere."""
        return next((one for one in self.assignments.get(person, ()) if _is_active(one, on)), None)

    def get_rules(self, region: str, on: date) -> DistrictRules:
        """The rules of a region's district on a day."""
        return self.district_rules[region[:DISTRICT_DIGITS], on]


async def load_day_inputs(work: UnitOfWork, pairs: Sequence[PersonDay]) -> DayInputs:
    """Everything about these days of these persons, and their check-ins before as far as they can be odd together."""
    session, persons = work.session, list(dict.fromkeys(person for person, _ in pairs))
    first, last = min(on for _, on in pairs), max(on for _, on in pairs)
    found = DayInputs(_group_by_person(await system_list_assignments(session, persons, first, last)))
    await _load_all_district_rules(work, pairs, found)
    if not found.district_rules:
        return found
    bounds = _merge_bounds(found)
    days = system_build_days_table(session, pairs, bounds.look_back_days)
    found.check_ins = _group_by_day(await evidence.system_list_check_ins(session, days))
    found.days = {(one.person, one.work_date): one for one in await system_list_days(session, days)}
    reviews = await system_list_dated(session, Review, days, lock=True)
    found.reviews = {(one.person, one.work_date): one for one in reviews}
    found.make_ups = _group_by_day(await system_list_dated(session, MakeUp, days, "starts_on"), "starts_on")
    found.duties = _group_by_day(await system_list_dated(session, Duty, days))
    found.spot_checks = _group_by_day(await system_list_dated(session, DrawnPerson, days))
    found.objections = _group_by_day(await system_list_dated(session, Complaint, days))
    found.leaves = _group_by_person(await system_list_overlapping(session, Leave, persons, first, last))
    found.errands = _group_by_person(await system_list_overlapping(session, Errand, persons, first, last))
    found.members = _group_by_person(await system_list_overlapping(session, Member, persons, first, last))
    if found.check_ins:
        await _load_evidence(work, days, found, bounds, (first, last))
    return found


async def _load_all_district_rules(work: UnitOfWork, pairs: Sequence[PersonDay], found: DayInputs) -> None:
    """The rules of every district and day, each looked up once."""
    for person, on in pairs:
        held = found.find_assignment(person, on)
        if held is not None and (held.region[:DISTRICT_DIGITS], on) not in found.district_rules:
            found.district_rules[held.region[:DISTRICT_DIGITS], on] = await load_district_rules(
                work, held.region, on
            )


def _merge_bounds(found: DayInputs) -> EvidenceBounds:
    rules = [one.evidence for one in found.district_rules.values()]
    return EvidenceBounds(
        look_back_days=max(one.look_back_days for one in rules),
        same_place_days=min(one.same_place_days for one in rules),
        same_second_days=min(one.same_second_days for one in rules),
        precise_m=max(one.precise_m for one in rules),
        precise_days=min(one.precise_days for one in rules),
    )


async def _load_evidence(
    work: UnitOfWork,
    days: QueryRow,
    found: DayInputs,
    bounds: EvidenceBounds,
    span: tuple[date, date],
) -> None:
    """What the check-ins are compared with: those before them, and others' with the same phones."""
    session = work.session
    found.previous_check_ins = {
        (one.person, one.for_day): one for one in await evidence.system_list_previous_check_ins(session, days)
    }
    if suspects := await evidence.system_list_suspects(session, days, bounds):
        since = span[0] - timedelta(days=bounds.look_back_days)
        found.history = _group_by_person(
            await evidence.system_list_history(session, suspects, since, span[1])
        )
    persons = {person for person, _ in found.check_ins}
    for one in await system_list_devices(session, persons):
        found.devices.setdefault(one.person, {})[one.device] = DeviceStatus(one.state, one.state_since)
    taps = [tap for rows in found.check_ins.values() for tap in rows if tap.device]
    if not taps:
        return
    around = timedelta(hours=max(one.evidence.device_hours for one in found.district_rules.values()))
    low, high = min(tap.taken_at for tap in taps) - around, max(tap.taken_at for tap in taps) + around
    users = await evidence.system_list_shared_device_users(
        session, {tap.device for tap in taps}, low, high, MAX_SHARED_DEVICE_ROWS
    )
    for device, person, at in users:
        found.device_users.setdefault(device, []).append((person, at))


def _group_by_person(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.person].append(row)
    return found


def _group_by_day(rows: Sequence[Any], column: str = "work_date") -> dict[PersonDay, list[Any]]:
    found: dict[PersonDay, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.person, getattr(row, column)].append(row)
    return found


def _is_active(posting: QueryRow, on: date) -> bool:
    if posting.starts_on > on or (posting.ends_on is not None and on > posting.ends_on):
        return False
    return posting.closed_on is None or on <= posting.closed_on


async def load_district_rules(work: UnitOfWork, region: str, on: date) -> DistrictRules:
    """The rules of a region's district on a day."""
    district = region[:DISTRICT_DIGITS].ljust(12, "0")
    rules, rule = await load_rule(work, "presence.rules", PresenceRules, district, on=on)
    switches, switch = await load_rule(work, "check_in.switches", CheckInSwitches, district, on=on)
    limits, _ = await load_rule(work, "check_in.limits", CheckInLimits, district, on=on)
    evidence, odd = await load_rule(work, "presence.evidence", AnomalyThresholds, district, on=on)
    used = (rule, switch, odd)
    what = get_day(on, changes=await load_calendar(work, district))
    return DistrictRules(rules, switches, limits, evidence, what, used, tuple(one.ref for one in used))
