"""Background projection of days from the event log, recalculation after rule changes, coarsening of old positions.

Recalculation goes from the newest day back, in bounded chunks; signed days are not changed. Its remaining work is
stored, so that it continues after a restart; a newer rule change in the same region starts it again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins import repository as check_ins
from services.attendance.days import repository
from services.attendance.days.repository import PersonDay
from services.attendance.days.service import MAX_DAYS_PER_CHUNK, ONE_DAY, evaluate_apart, split_into_chunks
from services.attendance.imports import repository as imports
from services.attendance.policy import CHECK_IN_SWITCHES
from services.attendance.visits import repository as visits
from shared.app.background import rest_until_written
from shared.auth import region_bounds
from shared.china import list_days, to_local_date
from shared.errors import ApiError
from shared.events import CursorUpdate, SubscriberCursor, outbox_cursors
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceContext, UnitOfWork

DAY_RULE_KEYS = frozenset(
    {"presence.rules", "presence.evidence", "check_in.switches", "check_in.limits", "calendar.changes"}
)
"""Keys of the rules that the evaluation of days reads."""
MAX_RULE_LOOK_BACK = timedelta(days=400)
"""Days further back are not recalculated after a rule change."""
SUBSCRIBER_NAME = "itself:days"
"""Subscriber name of the projection's cursor in this service's log."""
LEASE_DURATION = timedelta(seconds=30)
"""Time until another process takes over from a dead one; each chunk renews the lease."""
MAX_LOG_ROWS = 2_000
"""Log rows per batch; a day that occurs in several of them is evaluated once."""
MAX_DAYS_PER_BATCH = 20_000
"""Days per batch; a single assignment of last year affects hundreds."""
MAX_ASSIGNMENT_LOOK_BACK = timedelta(days=400)
"""Days further back are not evaluated after a changed assignment."""
THROTTLE_FACTOR = 4
"""Sleep 4× the working time, so that evaluation uses ≤ 20 % of one core and check-ins have priority."""
IDLE_PAUSE_S = 2.0
REFRESH_INTERVAL_S = 1800.0
MAX_IMPORTS_PER_PASS = 500
"""Imported records whose positions are coarsened per pass."""
MAX_CATCH_UP_DAYS = 45
"""Days back for which missing evaluations are made up after downtime."""
log = structlog.get_logger("days")
AffectedDays = dict[str, set[date]]


class LostLease(Exception):
    """Another process holds the lease of the projection; the rest of the batch is its work."""


async def request_recalculations(work: UnitOfWork, rows: Sequence[Any]) -> None:
    """Stores a recalculation for each log row that changes a rule of days."""
    for row in rows:
        if row.type != "rule.changed" or row.key not in DAY_RULE_KEYS:
            continue
        first = max(date.fromisoformat(row.effective_from), work.today - MAX_RULE_LOOK_BACK)
        if first <= work.today:
            await repository.system_upsert_recalculation(work.session, row.region, first, work.today, work.at)


async def recalculate_next_chunk(context: ServiceContext) -> int:
    """Recalculates the next chunk of days; returns how many, 0 if no recalculation is open.

    The chunk is evaluated before the transaction that moves the recalculation on: a crash in between repeats it.
    """
    async with context.database.write() as session:
        recalculation = await repository.system_find_next_recalculation(session)
        if recalculation is None:
            return 0
        region, on_day, asked_at = recalculation.region, recalculation.on_day, recalculation.asked_at
        persons = await repository.system_list_assigned_persons(
            context.unit_of_work(session), region, on_day, recalculation.after_person, MAX_DAYS_PER_CHUNK
        )
    # Another process may have changed the rule: do not use cached rules.
    context.rules.recheck()
    if persons:
        await evaluate_apart(context, [(person, on_day) for person in persons])
    async with context.database.write() as session:
        recalculation = await repository.system_find_recalculation(session, region)
        if recalculation is None or (recalculation.asked_at, recalculation.on_day) != (asked_at, on_day):
            return len(persons) or 1  # asked again meanwhile: it starts anew
        if len(persons) == MAX_DAYS_PER_CHUNK:
            recalculation.after_person = persons[-1]
        elif on_day > recalculation.first:
            recalculation.on_day, recalculation.after_person = on_day - ONE_DAY, ""
        else:
            await session.delete(recalculation)
    return len(persons) or 1


def find_affected_days(row: Any, today: date) -> tuple[str, date, date] | None:  # noqa: ANN401 - a row of `system_list_log_rows`
    """Returns (person, first day, last day) whose results an event changes; None if it changes none."""
    if not row.person or row.type in repository.OWN_TOPICS:
        return None
    if row.type == "device.moved":
        return (row.person, date.fromisoformat(row.since), today) if row.since else None
    if row.work_date:
        work_date = date.fromisoformat(row.work_date)
        return row.person, work_date, work_date
    if row.type in {"presence_request.moved", "assignment.changed", "attendance_group_member.changed"}:
        ends = [row.ends_on, *([] if row.ended_on is None else [row.ended_on])]
        last = max(date.fromisoformat(one) if one else today for one in ends)
        return row.person, date.fromisoformat(row.starts_on), last
    return None


def collect_affected_days(rows: Sequence[Any], today: date) -> tuple[AffectedDays, int]:
    """Returns the days that the rows change, and the number of rows processed.

    Stops before the row that follows MAX_DAYS_PER_BATCH days.
    """
    days_by_person: AffectedDays = defaultdict(set)
    total = 0
    for count, row in enumerate(rows):
        affected = find_affected_days(row, today)
        if affected is None:
            continue
        if total >= MAX_DAYS_PER_BATCH:
            return days_by_person, count
        person, first, last = affected
        count_before = len(days_by_person[person])
        days_by_person[person].update(
            list_days(max(first, today - MAX_ASSIGNMENT_LOOK_BACK), min(last, today))
        )
        total += len(days_by_person[person]) - count_before
    return days_by_person, len(rows)


async def project_next_batch(context: ServiceContext, rest: float = 0) -> int:
    """Evaluates the days of the next batch of log rows; returns the number of rows, 0 if there are none."""
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
    days_by_person, count = collect_affected_days(rows, to_local_date(context.clock()))
    await _add_night_duties(context, days_by_person)
    cursor = reader.cursor
    try:
        for chunk in split_into_chunks(days_by_person):
            await _project_chunk(context, reader, chunk, rest)
        cursor = (rows[count - 1].tx, rows[count - 1].seq)
    finally:
        async with context.database.write() as session:
            is_committed = await outbox_cursors.commit_delivery(
                session, reader, CursorUpdate(cursor, context.clock()), context.clock()
            )
            if is_committed and cursor != reader.cursor:
                await request_recalculations(context.unit_of_work(session), rows[:count])
    return count


async def _add_night_duties(context: ServiceContext, days_by_person: AffectedDays) -> None:
    """Adds the day before each day if a shift of that day ends on it: a check-in of the morning belongs to it too."""
    days_before = [(person, on - ONE_DAY) for person, days in days_by_person.items() for on in days]
    if days_before:
        async with context.database.read() as session:
            for person, on in await repository.system_list_night_duties(session, days_before):
                days_by_person[person].add(on)


async def refresh_provisional_days(context: ServiceContext, rest: float = 0) -> int:
    """Evaluates days without a result and, once a day, provisional days that may have become final."""
    count, today = 0, to_local_date(context.clock())
    includes_provisional = context.memory.get("refreshed_on") != today
    for days_back in range(MAX_CATCH_UP_DAYS):
        work_date = today - timedelta(days=days_back)
        async with context.database.read() as session:
            persons = await repository.system_list_unevaluated_persons(
                session, work_date, provisional=includes_provisional
            )
        for chunk in split_into_chunks({person: [work_date] for person in persons}):
            async with _throttle(context, rest):
                count += await evaluate_apart(context, chunk)
    context.memory["refreshed_on"] = today
    return count


async def coarsen_locations(context: ServiceContext) -> int:
    """Coarsens positions of check-ins, visits and imported records past each district's retention; returns the row count."""
    async with context.database.read() as session:
        districts = await repository.system_list_districts(session)
    count = 0
    for district in districts:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            switches = (await work.get_rule(CHECK_IN_SWITCHES, region=district)).value
            before = work.today - timedelta(days=switches.coarse_after_days)
            region_span = region_bounds(district)
            since = datetime.combine(before, time(), CHINA_TIME_ZONE)
            count += (
                await check_ins.system_coarsen_check_ins(session, region_span, before, 5000)
                + await visits.system_coarsen_visits(session, region_span, before, 5000)
                + await imports.system_coarsen_records(session, region_span, since, MAX_IMPORTS_PER_PASS)
            )
    return count


async def run_projection(context: ServiceContext) -> None:
    """Background loop: projects the event log onto days."""
    while True:
        written = context.database.count_writes()
        if not await _run_logged(context, project_next_batch, THROTTLE_FACTOR):
            await asyncio.sleep(IDLE_PAUSE_S)
            await rest_until_written(context.database, written, IDLE_PAUSE_S)


async def run_recalculations(context: ServiceContext) -> None:
    """Background loop: recalculates days after rule changes."""
    while True:
        written = context.database.count_writes()
        async with _throttle(context, THROTTLE_FACTOR):
            count = await _run_logged(context, recalculate_next_chunk)
        if not count:
            await asyncio.sleep(IDLE_PAUSE_S)
            await rest_until_written(context.database, written, IDLE_PAUSE_S)


async def run_refresh(context: ServiceContext) -> None:
    """Background loop: finalises provisional days and coarsens positions past retention."""
    coarsened = 0
    while True:
        if not coarsened:
            await _run_logged(context, refresh_provisional_days, THROTTLE_FACTOR)
        coarsened = await _run_logged(context, coarsen_locations)
        await asyncio.sleep(1 if coarsened else REFRESH_INTERVAL_S)


async def _get_reader(context: ServiceContext) -> SubscriberCursor:
    """Returns the projection's cursor; creates it on first use."""
    async with context.database.read() as session:
        reader = await outbox_cursors.find_cursor(session, SUBSCRIBER_NAME)
    if reader is not None:
        return reader
    async with context.database.write() as session:
        await outbox_cursors.subscribe(session, [SUBSCRIBER_NAME], context.clock())
    return await _get_reader(context)


async def _project_chunk(
    context: ServiceContext, reader: SubscriberCursor, chunk: Sequence[PersonDay], rest: float
) -> None:
    """Evaluates one chunk and renews the lease. Raises LostLease if another process holds it."""
    until, attempts = context.clock() + LEASE_DURATION, reader.attempts + 1

    async def require_lease(session: AsyncSession) -> None:
        if not await repository.system_renew_lease(session, SUBSCRIBER_NAME, attempts, until):
            raise LostLease

    async with _throttle(context, rest):
        await evaluate_apart(context, chunk, require_lease)


@asynccontextmanager
async def _throttle(context: ServiceContext, rest: float) -> AsyncGenerator[None]:
    """Serialises evaluation in this process, then sleeps `rest` times the time that the block took."""
    lock: asyncio.Lock = context.memory.setdefault("evaluation_lock", asyncio.Lock())
    async with lock:
        started_at = perf_counter()
        yield
        await asyncio.sleep(rest * (perf_counter() - started_at))


async def _run_logged(context: ServiceContext, task: Any, *args: Any) -> int:  # noqa: ANN401 - one of the rounds above
    """Runs one pass and returns its count; logs an error and returns 0, so that the loop continues."""
    try:
        count: int = await task(context, *args)
    except LostLease:
        return 0
    except ApiError as error:
        log.warning("days", round=task.__name__, reason=error.detail)
    except Exception:
        # An error in one pass must not end the loop.
        log.exception("days failed", round=task.__name__)
    else:
        return count
    return 0
