"""The sweep: every rule in force looks at the books, and what it finds becomes an alert once.

An alert that is closed comes back when its light gets worse, or when it had gone and is there again.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

import structlog

from services.funds.alerts import repository
from services.funds.alerts.kinds import AlertKind, Light
from services.funds.alerts.lifecycle import AlertState
from services.funds.alerts.models import Alert
from services.funds.alerts.schemas import Swept
from services.funds.alerts.service import moved
from services.funds.watching.hits import Hit, Look
from services.funds.watching.rules import PREFIX, WATCHES
from shared.errors import Refusal
from shared.ids import new_id
from shared.rules import Rule, in_force
from shared.work import Context, Work
from shared.workdays import add_workdays

EVERY = 3600
BAD = (Light.YELLOW, Light.ORANGE, Light.RED)
log = structlog.get_logger("alerts")


def mark_of(rule: str, hit: Hit) -> str:
    """What makes two hits the same alert."""
    whole = hashlib.sha256(f"{hit.subject_kind}\0{hit.subject}\0{hit.mark}".encode()).hexdigest()
    return f"{rule}:{whole[:40]}"


async def sweep(context: Context) -> Swept:
    """Let every rule look now; each in a transaction of its own, so that one cannot undo another's alerts."""
    async with context.database.read() as session:
        work = context.work(session)
        rules = await in_force(session, work.today, context.settings.district, PREFIX)
    found = raised = gone = 0
    known = [rule for rule in rules if rule.key.removeprefix(PREFIX) in WATCHES]
    for rule in known:
        async with context.database.read() as session:
            work = context.work(session)
            look = Look(work, rule, work.today)
            hits = await WATCHES[rule.key.removeprefix(PREFIX)](look)
        async with context.database.write() as session:
            now_raised, now_gone = await _record(context.work(session), rule, hits, whole=not look.cut)
        found, raised, gone = found + len(hits), raised + now_raised, gone + now_gone
    context.changed.set()
    return Swept(rules=len(known), found=found, raised=raised, gone=gone)


async def _record(work: Work, rule: Rule, hits: Sequence[Hit], *, whole: bool) -> tuple[int, int]:
    by_mark = {mark_of(rule.key, hit): hit for hit in hits}
    known = await repository.system_marked(work, sorted(by_mark))
    raised = 0
    for mark, hit in by_mark.items():
        if mark in known:
            raised += await _seen(work, rule, known[mark], hit)
        else:
            raised += await _raise(work, rule, mark, hit)
    unclosed = await repository.system_unclosed(work, rule.key) if whole else []
    gone = [one for one in unclosed if one.mark not in by_mark]
    for alert in gone:
        alert.gone = True
        await _tell(work, alert, alert.state, "情况已消失")
    return raised, len(gone)


async def _raise(work: Work, rule: Rule, mark: str, hit: Hit) -> int:
    alert = Alert(
        id=new_id(),
        region=hit.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        mark=mark,
        rule=rule.key,
        kind=AlertKind(rule.value["kind"]),
        subject_kind=hit.subject_kind,
        subject=hit.subject,
        due_on=_due(work, rule),
        state=AlertState.OPEN,
        state_since=work.at,
        files_needed=bool(rule.value["files"]),
        **_said(work, rule, hit),
    )
    if not await repository.system_raise(work, alert.model_dump()):
        return 0
    await work.tell(moved(alert, AlertState.OPEN), alert, reason=hit.message)
    return 1


def _said(work: Work, rule: Rule, hit: Hit) -> dict[str, Any]:
    return {
        "rule_ref": rule.ref,
        "basis": rule.basis,
        "light": hit.light,
        "title": hit.title[:300],
        "message": hit.message,
        "figures": dict(hit.figures),
        "rows": list(hit.rows),
        "seen_at": work.at,
    }


def _due(work: Work, rule: Rule) -> date:
    return add_workdays(work.today, int(rule.value["answer_workdays"]))


async def _seen(work: Work, rule: Rule, alert: Alert, hit: Hit) -> int:
    """Bring an alert up to date; 1 when that opens it again. Figures alone are no event."""
    was, came_back = alert.state, alert.gone
    worse = BAD.index(hit.light) > BAD.index(alert.light)
    for name, value in {**_said(work, rule, hit), "gone": False}.items():
        setattr(alert, name, value)
    work.session.add(alert)
    reopened = was is AlertState.CLOSED and (worse or came_back)
    if reopened:
        alert.state, alert.state_since, alert.due_on = AlertState.OPEN, work.at, _due(work, rule)
    if reopened or worse or came_back:
        await _tell(work, alert, was, "重新打开" if reopened else hit.message)
    return int(reopened)


async def _tell(work: Work, alert: Alert, was: AlertState, reason: str) -> None:
    alert.version += 1
    alert.updated_at = work.at
    work.session.add(alert)
    await work.tell(moved(alert, was), alert, reason=reason)


async def sweep_forever(context: Context) -> None:
    """The background task."""
    while True:
        try:
            await sweep(context)
        except Refusal as refusal:
            log.warning("sweep", reason=refusal.detail)
        await asyncio.sleep(EVERY)
