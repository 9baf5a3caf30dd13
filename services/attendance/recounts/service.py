"""A rule was changed: the days it concerns are reckoned anew, the newest first, a set at a time, signed ones excepted.

What is left to do is kept, so that a restart goes on where it was; a second change of the same region begins anew.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from services.attendance.days.service import SOME, reckon_some
from services.attendance.recounts import repository
from shared.work import Context, Work

CONCERNED = frozenset(
    {"presence.rules", "presence.evidence", "check_in.switches", "check_in.limits", "calendar.changes"}
)
"""Rules that days are reckoned by."""
LONGEST = timedelta(days=400)
"""How far back a changed rule is followed."""
ONE_DAY = timedelta(days=1)


async def ask(work: Work, rows: Sequence[Any]) -> None:
    """Note what these rows of the log want reckoned anew."""
    for row in rows:
        if row.type != "rule.changed" or row.key not in CONCERNED:
            continue
        first = max(date.fromisoformat(row.effective_from), work.today - LONGEST)
        if first <= work.today:
            await repository.system_ask(work.session, row.region, first, work.today, work.at)


async def step(context: Context) -> int:
    """Reckon the next set of days anew; how many, 0 when nothing is left to do."""
    async with context.database.write() as session:
        job = await repository.system_next(session)
        if job is None:
            return 0
        # Another process may have changed the rule a moment ago.
        context.rules.forget()
        persons = await repository.system_stationed(session, job.region, job.on_day, job.after_person, SOME)
        if persons:
            await reckon_some(context.work(session), [(person, job.on_day) for person in persons])
        if len(persons) == SOME:
            job.after_person = persons[-1]
        elif job.on_day > job.first:
            job.on_day, job.after_person = job.on_day - ONE_DAY, ""
        else:
            await session.delete(job)
    return len(persons) or 1
