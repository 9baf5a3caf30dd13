"""Behind the writers: what the log tells is reckoned into days, days ripen, old places lose their detail."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from time import perf_counter
from typing import Any

import structlog

from services.attendance.days import repository
from services.attendance.days.service import reckon_days
from services.attendance.imports import repository as imports
from services.attendance.policy import Switches, ruled
from services.attendance.visits import repository as visits
from shared.access import span
from shared.errors import Refusal
from shared.log import after
from shared.seal import BATCH
from shared.work import CHINA, Context
from shared.workdays import each_day, local_date

LONGEST = timedelta(days=400)
"""How far back a changed posting is reckoned anew."""
PAUSE_S = 2.0
RIPEN_S = 1800.0
SOME = 500
MISSED = 45
"""Days that are made up for when nothing ran for a while."""
log = structlog.get_logger("days")
Touched = dict[str, set[date]]


def touched(kind: str, told: Mapping[str, Any], today: date) -> tuple[str, date, date] | None:
    """Whose days an event of this service's own log changes, and which."""
    person = told.get("person")
    if not person or kind == "day.settled":
        return None
    if kind == "device.moved":
        return (person, date.fromisoformat(told["since"]), today) if told.get("since") else None
    if told.get("work_date"):
        on = date.fromisoformat(told["work_date"])
        return person, on, on
    if kind in {"presence_request.moved", "assignment.changed"}:
        last = date.fromisoformat(told["ends_on"]) if told.get("ends_on") else today
        return person, date.fromisoformat(told["starts_on"]), last
    return None


async def follow(context: Context) -> int:
    """Follow the log one batch on; how many rows were read. Days and place are written together."""
    async with context.database.write() as session:
        work = context.work(session)
        place = await repository.system_place(session, work.at)
        if place is None:
            return 0
        rows = await after(session, place, limit=BATCH)
        if not rows:
            return 0
        wanted: Touched = defaultdict(set)
        for row in rows:
            if (found := touched(row.type, row.after, work.today)) is not None:
                person, first, last = found
                first, last = max(first, work.today - LONGEST), min(last, work.today)
                wanted[person].update(each_day(first, last))
        await reckon_days(work, wanted)
        await repository.system_move_on(session, (rows[-1].tx, rows[-1].seq))
    return len(rows)


async def ripen(context: Context) -> int:
    """Reckon the days that nobody told anything about, and those that may no longer be provisional."""
    done = 0
    today = local_date(context.clock())
    for back in range(MISSED):
        on = today - timedelta(days=back)
        async with context.database.read() as session:
            persons = await repository.system_due(session, on, 100_000)
        for start in range(0, len(persons), SOME):
            async with context.database.write() as session:
                some = {person: [on] for person in persons[start : start + SOME]}
                done += await reckon_days(context.work(session), some)
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
            + await imports.system_coarsen(session, where, since, SOME)
        )


async def follow_forever(context: Context) -> None:
    """Follow the log in the background until cancelled."""
    while True:
        begun = perf_counter()
        read = await _tried(context, follow)
        took = perf_counter() - begun
        # Who taps now goes before who is reckoned: at most a quarter of the process is spent here.
        await asyncio.sleep(3 * took if read == BATCH else max(PAUSE_S, 3 * took))


async def ripen_forever(context: Context) -> None:
    """Let days ripen and places fade in the background until cancelled."""
    left = 0
    while True:
        if not left:
            await _tried(context, ripen)
        left = await _tried(context, coarsen)
        await asyncio.sleep(1 if left else RIPEN_S)


async def _tried(context: Context, one: Any) -> int:  # noqa: ANN401 - one of the rounds above
    try:
        done: int = await one(context)
    except Refusal as refusal:
        log.warning("days", round=one.__name__, reason=refusal.detail)
    except Exception:
        # One broken round must not end the others.
        log.exception("days failed", round=one.__name__)
    else:
        return done
    return 0
