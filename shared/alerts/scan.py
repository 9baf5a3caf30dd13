"""The sweep: every rule in force looks at the records, and what it finds becomes an alert once.

An alert that is closed comes back when its light gets worse, or when it had gone and is there again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from shared.alerts import repository
from shared.alerts.detection import Detection, DetectionContext, Detector
from shared.alerts.lifecycle import SEVERITY_ORDER, AlertKind, AlertSeverity, AlertState
from shared.alerts.models import AlertConfig, AlertRow
from shared.alerts.schemas import ScanResult
from shared.china import add_workdays
from shared.db import new_id
from shared.rules import Rule, list_rules_in_force
from shared.unit_of_work import ServiceContext, UnitOfWork

SCAN_INTERVAL_S = 3600


def build_dedup_key(rule: str, hit: Detection) -> str:
    """What makes two hits the same alert."""
    whole = hashlib.sha256(f"{hit.subject_kind}\0{hit.subject}\0{hit.dedup_key}".encode()).hexdigest()
    return f"{rule}:{whole[:40]}"


async def run_detectors(
    context: ServiceContext, alerts: AlertConfig, prefix: str, watches: Mapping[str, Detector]
) -> ScanResult:
    """Let every rule in force look now, over all regions: the rule `<prefix><name>` sets the watch of that name.

    Each in a transaction of its own, so that one cannot undo another's alerts; a rule with `"enabled": false` rests.
    """
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        rules = await list_rules_in_force(session, work.today, context.settings.district, prefix)
    found = raised = gone = 0
    known = [
        rule for rule in rules if rule.key.removeprefix(prefix) in watches and rule.value.get("enabled", True)
    ]
    for rule in known:
        async with context.database.read() as session:
            work = context.unit_of_work(session)
            look = DetectionContext(work, rule, work.today)
            hits = await watches[rule.key.removeprefix(prefix)](look)
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            now_raised, now_gone = await _record_detections(
                work, alerts, rule, hits, whole=not look.truncated_counts
            )
        found, raised, gone = found + len(hits), raised + now_raised, gone + now_gone
    context.changed.set()
    return ScanResult(rules=len(known), found=found, raised=raised, gone=gone)


async def _record_detections(
    work: UnitOfWork, alerts: AlertConfig, rule: Rule, hits: Sequence[Detection], *, whole: bool
) -> tuple[int, int]:
    by_mark = {build_dedup_key(rule.key, hit): hit for hit in hits}
    known = await repository.system_find_by_keys(work, alerts, sorted(by_mark))
    raised = 0
    for mark, hit in by_mark.items():
        if mark in known:
            raised += await _refresh_alert(work, alerts, rule, known[mark], hit)
        else:
            raised += await _raise_alert(work, alerts, rule, mark, hit)
    present = await repository.system_list_unresolved(work, alerts, rule.key) if whole else []
    gone = [one for one in present if one.mark not in by_mark]
    for alert in gone:
        alert.gone = True
        await _publish_change(work, alerts, alert, alert.state, "情况已消失")
    return raised, len(gone)


async def _raise_alert(work: UnitOfWork, alerts: AlertConfig, rule: Rule, mark: str, hit: Detection) -> int:
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
        project_id=hit.related_id("project"),
        asset_id=hit.related_id("asset"),
        due_on=_due_date(work, rule),
        state=AlertState.OPEN,
        state_since=work.at,
        files_needed=bool(rule.value.get("files", False)),
        **_detection_columns(work, rule, hit),
    )
    if not await repository.system_insert_alert(work, alerts, alert.model_dump()):
        return 0
    await work.publish(alerts.moved_event(alert, AlertState.OPEN), alert, reason=hit.message)
    return 1


def _detection_columns(work: UnitOfWork, rule: Rule, hit: Detection) -> dict[str, Any]:
    return {
        "rule_ref": rule.ref,
        "basis": rule.basis,
        "light": hit.severity or AlertSeverity(rule.value["light"]),
        "title": hit.title[:300],
        "message": hit.message,
        "figures": dict(hit.figures),
        "rows": list(hit.rows),
        "seen_at": work.at,
    }


def _due_date(work: UnitOfWork, rule: Rule) -> date:
    if "answer_workdays" in rule.value:
        return add_workdays(work.today, int(rule.value["answer_workdays"]))
    return work.today + timedelta(days=int(rule.value["answer_days"]))


async def _refresh_alert(
    work: UnitOfWork, alerts: AlertConfig, rule: Rule, alert: AlertRow, hit: Detection
) -> int:
    """Bring an alert up to date; 1 when that opens it again. Figures alone are no event."""
    was, came_back, light = alert.state, alert.gone, alert.light
    for name, value in {**_detection_columns(work, rule, hit), "gone": False}.items():
        setattr(alert, name, value)
    work.session.add(alert)
    worse = SEVERITY_ORDER.index(alert.light) > SEVERITY_ORDER.index(light)
    reopened = was is AlertState.CLOSED and (worse or came_back)
    if reopened:
        alert.state, alert.state_since, alert.due_on = AlertState.OPEN, work.at, _due_date(work, rule)
        alert.answered_by = ""
    if reopened or worse or came_back:
        await _publish_change(work, alerts, alert, was, "重新打开" if reopened else hit.message)
    return int(reopened)


async def _publish_change(
    work: UnitOfWork, alerts: AlertConfig, alert: AlertRow, was: AlertState, reason: str
) -> None:
    alert.version += 1
    alert.updated_at = work.at
    work.session.add(alert)
    await work.publish(alerts.moved_event(alert, was), alert, reason=reason)
