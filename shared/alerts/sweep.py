"""The sweep: every rule in force looks at the records, and what it finds becomes an alert once.

An alert that is closed comes back when its light gets worse, or when it had gone and is there again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from shared.alerts import repository
from shared.alerts.hits import Hit, Look, Watch
from shared.alerts.kinds import WORSE, AlertKind, Light
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertRow, Alerts
from shared.alerts.schemas import Swept
from shared.ids import new_id
from shared.rules import Rule, in_force
from shared.work import Context, Work
from shared.workdays import add_workdays

EVERY_S = 3600


def mark_of(rule: str, hit: Hit) -> str:
    """What makes two hits the same alert."""
    whole = hashlib.sha256(f"{hit.subject_kind}\0{hit.subject}\0{hit.mark}".encode()).hexdigest()
    return f"{rule}:{whole[:40]}"


async def sweep(context: Context, alerts: Alerts, prefix: str, watches: Mapping[str, Watch]) -> Swept:
    """Let every rule in force look now, over all regions: the rule `<prefix><name>` sets the watch of that name.

    Each in a transaction of its own, so that one cannot undo another's alerts; a rule with `"enabled": false` rests.
    """
    async with context.database.read() as session:
        work = context.work(session)
        rules = await in_force(session, work.today, context.settings.district, prefix)
    found = raised = gone = 0
    known = [
        rule for rule in rules if rule.key.removeprefix(prefix) in watches and rule.value.get("enabled", True)
    ]
    for rule in known:
        async with context.database.read() as session:
            work = context.work(session)
            look = Look(work, rule, work.today)
            hits = await watches[rule.key.removeprefix(prefix)](look)
        async with context.database.write() as session:
            work = context.work(session)
            now_raised, now_gone = await _record(work, alerts, rule, hits, whole=not look.cut)
        found, raised, gone = found + len(hits), raised + now_raised, gone + now_gone
    context.changed.set()
    return Swept(rules=len(known), found=found, raised=raised, gone=gone)


async def _record(
    work: Work, alerts: Alerts, rule: Rule, hits: Sequence[Hit], *, whole: bool
) -> tuple[int, int]:
    by_mark = {mark_of(rule.key, hit): hit for hit in hits}
    known = await repository.system_marked(work, alerts, sorted(by_mark))
    raised = 0
    for mark, hit in by_mark.items():
        if mark in known:
            raised += await _seen(work, alerts, rule, known[mark], hit)
        else:
            raised += await _raise(work, alerts, rule, mark, hit)
    present = await repository.system_present(work, alerts, rule.key) if whole else []
    gone = [one for one in present if one.mark not in by_mark]
    for alert in gone:
        alert.gone = True
        await _tell(work, alerts, alert, alert.state, "情况已消失")
    return raised, len(gone)


async def _raise(work: Work, alerts: Alerts, rule: Rule, mark: str, hit: Hit) -> int:
    alert = alerts.row(
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
        project_id=hit.about("project"),
        asset_id=hit.about("asset"),
        due_on=_due(work, rule),
        state=AlertState.OPEN,
        state_since=work.at,
        files_needed=bool(rule.value.get("files", False)),
        **_said(work, rule, hit),
    )
    if not await repository.system_raise(work, alerts, alert.model_dump()):
        return 0
    await work.tell(alerts.moved(alert, AlertState.OPEN), alert, reason=hit.message)
    return 1


def _said(work: Work, rule: Rule, hit: Hit) -> dict[str, Any]:
    return {
        "rule_ref": rule.ref,
        "basis": rule.basis,
        "light": hit.light or Light(rule.value["light"]),
        "title": hit.title[:300],
        "message": hit.message,
        "figures": dict(hit.figures),
        "rows": list(hit.rows),
        "seen_at": work.at,
    }


def _due(work: Work, rule: Rule) -> date:
    if "answer_workdays" in rule.value:
        return add_workdays(work.today, int(rule.value["answer_workdays"]))
    return work.today + timedelta(days=int(rule.value["answer_days"]))


async def _seen(work: Work, alerts: Alerts, rule: Rule, alert: AlertRow, hit: Hit) -> int:
    """Bring an alert up to date; 1 when that opens it again. Figures alone are no event."""
    was, came_back, light = alert.state, alert.gone, alert.light
    for name, value in {**_said(work, rule, hit), "gone": False}.items():
        setattr(alert, name, value)
    work.session.add(alert)
    worse = WORSE.index(alert.light) > WORSE.index(light)
    reopened = was is AlertState.CLOSED and (worse or came_back)
    if reopened:
        alert.state, alert.state_since, alert.due_on = AlertState.OPEN, work.at, _due(work, rule)
        alert.answered_by = ""
    if reopened or worse or came_back:
        await _tell(work, alerts, alert, was, "重新打开" if reopened else hit.message)
    return int(reopened)


async def _tell(work: Work, alerts: Alerts, alert: AlertRow, was: AlertState, reason: str) -> None:
    alert.version += 1
    alert.updated_at = work.at
    work.session.add(alert)
    await work.tell(alerts.moved(alert, was), alert, reason=reason)
