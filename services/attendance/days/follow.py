"""Behind the writers: what the log tells is reckoned into days, days ripen, old places lose their detail."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

import structlog

from services.attendance.days import repository
from services.attendance.days.repository import Pair
from services.attendance.days.service import pieces, reckon_some
from services.attendance.imports import repository as imports
from services.attendance.policy import Switches, ruled
from services.attendance.recounts import service as recounts
from services.attendance.visits import repository as visits
from shared import cursors
from shared.access import span
from shared.cursors import Reader, Settlement
from shared.errors import Refusal
from shared.work import CHINA, Context
from shared.workdays import each_day, local_date

FOLLOWER = "itself:days"
"""This service's own place in its log."""
LEASE = timedelta(seconds=30)
"""How long another process waits when this one dies; every set of days prolongs it."""
ROWS = 2_000
"""Rows of the log that are followed together: a day that is touched often among them is reckoned once."""
MOST = 20_000
"""Days that are followed together; an assignment of last year touches hundreds by itself."""
LONGEST = timedelta(days=400)
"""How far back a changed posting is reckoned anew."""
REST = 4
"""Who taps now goes before who is reckoned: at most a fifth of the process is spent here, whatever there is to do."""
PAUSE_S = 2.0
RIPEN_S = 1800.0
COARSER = 500
"""Raw imports that lose their places together."""
MISSED = 45
"""Days that are made up for when nothing ran for a while."""
log = structlog.get_logger("days")
Touched = dict[str, set[date]]


class LostLease(Exception):
    """Another process follows the log by now; what was not written yet is its work."""


def touched(row: Any, today: date) -> tuple[str, date, date] | None:  # noqa: ANN401 - a row of `system_told`
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


def all_touched(rows: Sequence[Any], today: date) -> tuple[Touched, int]:
    """The days that these rows change, and how many of the rows that is: not all when there would be too many days."""
    wanted: Touched = defaultdict(set)
    days = 0
    for count, row in enumerate(rows):
        found = touched(row, today)
        if found is None:
            continue
        if days >= MOST:
            return wanted, count
        person, first, last = found
        before = len(wanted[person])
        wanted[person].update(each_day(max(first, today - LONGEST), min(last, today)))
        days += len(wanted[person]) - before
    return wanted, len(rows)


async def follow(context: Context, rest: float = 0) -> int:
    """Follow the log one batch on; how many rows were read. It rests that many times as long as it works."""
    reader = await _reader(context)
    if reader.due_at > context.clock():
        return 0
    async with context.database.read() as session:
        rows = await repository.system_told(session, reader.cursor, ROWS)
    if not rows:
        return 0
    async with context.database.write() as session:
        if not await cursors.claim(session, reader, context.clock() + LEASE):
            return 0
    wanted, count = all_touched(rows, local_date(context.clock()))
    place = reader.cursor
    try:
        for some in pieces(wanted):
            await _piece(context, reader, some, rest)
        place = (rows[count - 1].tx, rows[count - 1].seq)
    finally:
        async with context.database.write() as session:
            kept = await cursors.settle(session, reader, Settlement(place, context.clock()), context.clock())
            if kept and place != reader.cursor:
                await recounts.ask(context.work(session), rows[:count])
    return count


async def _reader(context: Context) -> Reader:
    async with context.database.read() as session:
        found = await cursors.reader(session, FOLLOWER)
    if found is not None:
        return found
    async with context.database.write() as session:
        await cursors.subscribe(session, [FOLLOWER], context.clock())
    return await _reader(context)


async def _piece(context: Context, reader: Reader, some: Sequence[Pair], rest: float) -> None:
    until, mine = context.clock() + LEASE, reader.attempts + 1
    async with _unhurried(context, rest), context.database.write() as session:
        if not await repository.system_prolong(session, FOLLOWER, mine, until):
            raise LostLease
        await reckon_some(context.work(session), some)


@asynccontextmanager
async def _unhurried(context: Context, rest: float) -> AsyncGenerator[None]:
    """One thing at a time in this process, and after it nothing that many times as long as it took."""
    turn: asyncio.Lock = context.kept.setdefault("reckoning", asyncio.Lock())
    async with turn:
        begun = perf_counter()
        yield
        await asyncio.sleep(rest * (perf_counter() - begun))


async def ripen(context: Context, rest: float = 0) -> int:
    """Reckon the days that nobody told anything about and, once a day, those that may no longer be provisional."""
    done, today = 0, local_date(context.clock())
    anew = context.kept.get("ripened") != today
    for back in range(MISSED):
        on = today - timedelta(days=back)
        async with context.database.read() as session:
            persons = await repository.system_due(session, on, provisional=anew)
        for some in pieces({person: [on] for person in persons}):
            async with _unhurried(context, rest), context.database.write() as session:
                done += await reckon_some(context.work(session), some)
    context.kept["ripened"] = today
    return done


async def coarsen(context: Context) -> int:
    """Take the detail away from places older than the district keeps them: of check-ins, visits, raw imports."""
    async with context.database.write() as session:
        work = context.work(session)
        switches, _ = await ruled(work, "check_in.switches", Switches)
        before = work.today - timedelta(days=switches.coarse_after_days)
        where = span(context.settings.district)
        since = datetime.combine(before, time(), CHINA)
        return (
            await repository.system_coarsen(session, where, before, 5000)
            + await visits.system_coarsen(session, where, before, 5000)
            + await imports.system_coarsen(session, where, since, COARSER)
        )


async def follow_forever(context: Context) -> None:
    """Follow the log in the background until cancelled."""
    while True:
        if not await _tried(context, follow, REST):
            await asyncio.sleep(PAUSE_S)


async def recount_forever(context: Context) -> None:
    """Reckon anew, in the background until cancelled, what a changed rule concerns."""
    while True:
        async with _unhurried(context, REST):
            done = await _tried(context, recounts.step)
        if not done:
            await asyncio.sleep(PAUSE_S)


async def ripen_forever(context: Context) -> None:
    """Let days ripen and places fade in the background until cancelled."""
    left = 0
    while True:
        if not left:
            await _tried(context, ripen, REST)
        left = await _tried(context, coarsen)
        await asyncio.sleep(1 if left else RIPEN_S)


async def _tried(context: Context, one: Any, *given: Any) -> int:  # noqa: ANN401 - one of the rounds above
    try:
        done: int = await one(context, *given)
    except LostLease:
        return 0
    except Refusal as refusal:
        log.warning("days", round=one.__name__, reason=refusal.detail)
    except Exception:
        # One broken round must not end the others.
        log.exception("days failed", round=one.__name__)
    else:
        return done
    return 0
