"""A rule was changed: the days it concerns are reckoned anew, the newest first, a set at a time, signed ones excepted.

What is left to do is kept, so that a restart goes on where it was; a second change of the same region begins anew.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

import structlog

from services.attendance.days import repository
from services.attendance.days.repository import PersonDay
from services.attendance.days.service import MAX_DAYS_PER_CHUNK, evaluate_chunk, split_into_chunks
from services.attendance.imports import repository as imports
from services.attendance.policy import CheckInSwitches, load_rule
from services.attendance.visits import repository as visits
from shared.auth import region_bounds
from shared.china import list_days, to_local_date
from shared.errors import ApiError
from shared.events import CursorUpdate, SubscriberCursor, outbox_cursors
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceContext, UnitOfWork

DAY_RULE_KEYS = frozenset(
    {"presence.rules", "presence.evidence", "check_in.switches", "check_in.limits", "calendar.changes"}
)
"""Rules that days are reckoned by."""
MAX_RULE_LOOK_BACK = timedelta(days=400)
"""How far back a changed rule is followed."""
ONE_DAY = timedelta(days=1)


async def request_recalculations(work: UnitOfWork, rows: Sequence[Any]) -> None:
    """Note what these rows of the log want reckoned anew."""
    for row in rows:
        if row.type != "rule.changed" or row.key not in DAY_RULE_KEYS:
            continue
        first = max(date.fromisoformat(row.effective_from), work.today - MAX_RULE_LOOK_BACK)
        if first <= work.today:
            await repository.system_upsert_recalculation(work.session, row.region, first, work.today, work.at)


async def recalculate_next_chunk(context: ServiceContext) -> int:
    """Reckon the next set of days anew; how many, 0 when nothing is left to do."""
    async with context.database.write() as session:
        job = await repository.system_find_next_recalculation(session)
        if job is None:
            return 0
        # Another process may have changed the rule a moment ago.
        context.rules.clear()
        persons = await repository.system_list_assigned_persons(
            session, job.region, job.on_day, job.after_person, MAX_DAYS_PER_CHUNK
        )
        if persons:
            await evaluate_chunk(context.unit_of_work(session), [(person, job.on_day) for person in persons])
        if len(persons) == MAX_DAYS_PER_CHUNK:
            job.after_person = persons[-1]
        elif job.on_day > job.first:
            job.on_day, job.after_person = job.on_day - ONE_DAY, ""
        else:
            await session.delete(job)
    return len(persons) or 1


SUBSCRIBER_NAME = "itself:days"
"""This service's own place in its log."""
LEASE_DURATION = timedelta(seconds=30)
"""How long another process waits when this one dies; every set of days prolongs it."""
MAX_LOG_ROWS = 2_000
"""Rows of the log that are followed together: a day that is touched often among them is reckoned once."""
MAX_DAYS_PER_BATCH = 20_000
"""Days that are followed together; an assignment of last year touches hundreds by itself."""
MAX_ASSIGNMENT_LOOK_BACK = timedelta(days=400)
"""How far back a changed posting is reckoned anew."""
THROTTLE_FACTOR = 4
"""Who taps now goes before who is reckoned: at most a fifth of the process is spent here, whatever there is to do."""
IDLE_PAUSE_S = 2.0
REFRESH_INTERVAL_S = 1800.0
MAX_IMPORTS_PER_PASS = 500
"""Raw imports that lose their places together."""
MAX_CATCH_UP_DAYS = 45
"""Days that are made up for when nothing ran for a while."""
log = structlog.get_logger("days")
AffectedDays = dict[str, set[date]]


class LostLease(Exception):
    """Another process follows the log by now; what was not written yet is its work."""


def find_affected_days(row: Any, today: date) -> tuple[str, date, date] | None:  # noqa: ANN401 - a row of `system_told`
    """Whose days an event of this service's own log changes, and which."""
    if not row.person or row.type == "day.settled":
        return None
    if row.type == "device.moved":
        return (row.person, date.fromisoformat(row.since), today) if row.since else None
    if row.work_date:
        on = date.fromisoformat(row.work_date)
        return row.person, on, on
    if row.type in {"presence_request.moved", "assignment.changed"}:
        last = date.fromisoformat(row.ends_on) if row.ends_on else today
        return row.person, date.fromisoformat(row.starts_on), last
    return None


def collect_affected_days(rows: Sequence[Any], today: date) -> tuple[AffectedDays, int]:
    """The days that these rows change, and how many of the rows that is: not all when there would be too many days."""
    wanted: AffectedDays = defaultdict(set)
    days = 0
    for count, row in enumerate(rows):
        found = find_affected_days(row, today)
        if found is None:
            continue
        if days >= MAX_DAYS_PER_BATCH:
            return wanted, count
        person, first, last = found
        before = len(wanted[person])
        wanted[person].update(list_days(max(first, today - MAX_ASSIGNMENT_LOOK_BACK), min(last, today)))
        days += len(wanted[person]) - before
    return wanted, len(rows)


async def project_next_batch(context: ServiceContext, rest: float = 0) -> int:
    """Follow the log one batch on; how many rows were read. It rests that many times as long as it works."""
    reader = await _get_reader(context)
    if reader.due_at > context.clock():
        return 0
    async with context.database.read() as session:
        rows = await repository.system_list_log_rows(session, reader.cursor, MAX_LOG_ROWS)
    if not rows:
        return 0
    async with context.database.write() as session:
        if not await outbox_cursors.acquire_lease(session, reader, context.clock() + LEASE_DURATION):
            return 0
    wanted, count = collect_affected_days(rows, to_local_date(context.clock()))
    place = reader.cursor
    try:
        for some in split_into_chunks(wanted):
            await _project_chunk(context, reader, some, rest)
        place = (rows[count - 1].tx, rows[count - 1].seq)
    finally:
        async with context.database.write() as session:
            kept = await outbox_cursors.commit_delivery(
                session, reader, CursorUpdate(place, context.clock()), context.clock()
            )
            if kept and place != reader.cursor:
                await request_recalculations(context.unit_of_work(session), rows[:count])
    return count


async def _get_reader(context: ServiceContext) -> SubscriberCursor:
    async with context.database.read() as session:
        found = await outbox_cursors.find_cursor(session, SUBSCRIBER_NAME)
    if found is not None:
        return found
    async with context.database.write() as session:
        await outbox_cursors.subscribe(session, [SUBSCRIBER_NAME], context.clock())
    return await _get_reader(context)


async def _project_chunk(
    context: ServiceContext, reader: SubscriberCursor, some: Sequence[PersonDay], rest: float
) -> None:
    until, mine = context.clock() + LEASE_DURATION, reader.attempts + 1
    async with _throttle(context, rest), context.database.write() as session:
        if not await repository.system_renew_lease(session, SUBSCRIBER_NAME, mine, until):
            raise LostLease
        await evaluate_chunk(context.unit_of_work(session), some)


@asynccontextmanager
async def _throttle(context: ServiceContext, rest: float) -> AsyncGenerator[None]:
    """One thing at a time in this process, and after it nothing that many times as long as it took."""
    turn: asyncio.Lock = context.memory.setdefault("reckoning", asyncio.Lock())
    async with turn:
        begun = perf_counter()
        yield
        await asyncio.sleep(rest * (perf_counter() - begun))


async def refresh_provisional_days(context: ServiceContext, rest: float = 0) -> int:
    """Reckon the days that nobody told anything about and, once a day, those that may no longer be provisional."""
    done, today = 0, to_local_date(context.clock())
    anew = context.memory.get("ripened") != today
    for back in range(MAX_CATCH_UP_DAYS):
        on = today - timedelta(days=back)
        async with context.database.read() as session:
            persons = await repository.system_list_unevaluated_persons(session, on, provisional=anew)
        for some in split_into_chunks({person: [on] for person in persons}):
            async with _throttle(context, rest), context.database.write() as session:
                done += await evaluate_chunk(context.unit_of_work(session), some)
    context.memory["ripened"] = today
    return done


async def coarsen_locations(context: ServiceContext) -> int:
    """Take the detail away from places older than the district keeps them: of check-ins, visits, raw imports."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        switches, _ = await load_rule(work, "check_in.switches", CheckInSwitches)
        before = work.today - timedelta(days=switches.coarse_after_days)
        where = region_bounds(context.settings.district)
        since = datetime.combine(before, time(), CHINA_TIME_ZONE)
        return (
            await repository.system_coarsen_check_ins(session, where, before, 5000)
            + await visits.system_coarsen_visits(session, where, before, 5000)
            + await imports.system_coarsen_records(session, where, since, MAX_IMPORTS_PER_PASS)
        )


async def run_projection(context: ServiceContext) -> None:
    """Follow the log in the background until cancelled."""
    while True:
        if not await _run_logged(context, project_next_batch, THROTTLE_FACTOR):
            await asyncio.sleep(IDLE_PAUSE_S)


async def run_recalculations(context: ServiceContext) -> None:
    """Reckon anew, in the background until cancelled, what a changed rule concerns."""
    while True:
        async with _throttle(context, THROTTLE_FACTOR):
            done = await _run_logged(context, recalculate_next_chunk)
        if not done:
            await asyncio.sleep(IDLE_PAUSE_S)


async def run_refresh(context: ServiceContext) -> None:
    """Let days ripen and places fade in the background until cancelled."""
    left = 0
    while True:
        if not left:
            await _run_logged(context, refresh_provisional_days, THROTTLE_FACTOR)
        left = await _run_logged(context, coarsen_locations)
        await asyncio.sleep(1 if left else REFRESH_INTERVAL_S)


async def _run_logged(context: ServiceContext, one: Any, *given: Any) -> int:  # noqa: ANN401 - one of the rounds above
    try:
        done: int = await one(context, *given)
    except LostLease:
        return 0
    except ApiError as refusal:
        log.warning("days", round=one.__name__, reason=refusal.detail)
    except Exception:
        # One broken round must not end the others.
        log.exception("days failed", round=one.__name__)
    else:
        return done
    return 0
