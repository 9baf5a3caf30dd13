"""The alert scan: runs the detectors of all rules in force and raises each detection as one alert.

A closed alert is reopened if its severity increases, if its detection recurs after it was gone, or if the new deadline
that it was closed with has passed.
"""

import asyncio
import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

from shared.alerts import repository
from shared.alerts.detection import AlertRule, Detection, DetectionContext, Detector, Subjects
from shared.alerts.lifecycle import SEVERITY_ORDER, AlertState
from shared.alerts.models import AlertConfig, AlertRow
from shared.alerts.schemas import ScanResult
from shared.db import new_id
from shared.records import log_event, save_record
from shared.rules import Rule, RuleKey, ancestor_codes
from shared.unit_of_work import ServiceContext, UnitOfWork

RuledDetection = tuple[Rule[AlertRule], Detection]
"""A detection and the rule by which it was found."""
SCAN_INTERVAL_S = 3600
BATCH_ROWS = 400
"""Alerts written in one transaction."""
REST_FACTOR = 4
"""A background scan rests 4× as long as it works, so that it uses ≤ 20 % of one core and requests go first."""


def build_dedup_key(rule: str, detection: Detection) -> str:
    """The key by which detections of a rule are the same alert: rule and hash of subject and detection key."""
    identity = f"{detection.subject_kind}\0{detection.subject}\0{detection.dedup_key}"
    return f"{rule}:{hashlib.sha256(identity.encode()).hexdigest()[:40]}"


async def run_detectors(
    context: ServiceContext,
    alerts: AlertConfig,
    detectors: Sequence[Detector[Any]],
    rest: float = 0,
    bounds: Mapping[str, Subjects] | None = None,
) -> ScanResult:
    """Run every detector whose rule is in force, over all regions; after each it rests `rest` times as long as it took.

    A district that has its own version of a rule is looked at by that version, every other by the nation's.

    `bounds` maps the key of a rule to the subjects that its detector looks at; a rule that is not in it looks at
    everything. Each rule has its own transactions, so that a failure of one does not undo the alerts of another. Rules
    with `"enabled": false` are skipped.
    """
    found = raised = gone = checked = 0
    for detector in detectors:
        key, started = detector.rule.key, perf_counter()
        subjects, is_complete = (bounds or {}).get(key), True
        detections: list[RuledDetection] = []
        async with context.database.read() as session:
            work = context.unit_of_work(session)
            rules = await _list_enabled_rules(work, detector.rule)
            for region, rule in rules.items():
                if rule is None:
                    continue
                detection_context = DetectionContext(work, rule, work.today, subjects)
                detections += [
                    (rule, one)
                    for one in await detector.detect(detection_context)
                    if find_nearest(one.region, rules) == region
                ]
                is_complete = is_complete and not detection_context.truncated_counts
        if not any(rules.values()):
            continue
        raised_now, gone_now = await _record_detections(
            context, alerts, key, detections, subjects=subjects, is_complete=is_complete
        )
        checked += 1
        found, raised, gone = found + len(detections), raised + raised_now, gone + gone_now
        await asyncio.sleep(rest * (perf_counter() - started))
    context.changed.set()
    return ScanResult(rules=checked, found=found, raised=raised, gone=gone)


async def _list_enabled_rules(work: UnitOfWork, key: RuleKey[Any]) -> dict[str, Rule[AlertRule] | None]:
    """Region with a version of its own, or the nation → the rule in force there; None where it is switched off."""
    rules: dict[str, Rule[AlertRule] | None] = {}
    for region in await work.context.rules.list_regions(work.session, key, work.at):
        rule = (await work.get_rules([key], region=region)).get(key.key)
        rules[region] = rule if rule is not None and rule.value.enabled else None
    return rules


def find_nearest(region: str, areas: Container[str]) -> str:
    """The area with a version of its own that a region belongs to."""
    return next(one for one in ancestor_codes(region) if one in areas)


async def _record_detections(
    context: ServiceContext,
    alerts: AlertConfig,
    rule_key: str,
    detections: Sequence[RuledDetection],
    *,
    subjects: Subjects,
    is_complete: bool,
) -> tuple[int, int]:
    """Raise or refresh alerts and mark missing ones as gone; returns how many were raised and how many are gone.

    After a bounded look only alerts about its subjects can be gone: the others were not looked for.
    A batch is a transaction, so that no request waits for the locks of a whole scan.
    """
    by_key = {build_dedup_key(rule_key, found[1]): found for found in detections}
    raised = gone = 0
    for keys in split_keys(sorted(by_key), BATCH_ROWS):
        async with context.database.write() as session:
            raised += await _record_batch(context.unit_of_work(session), alerts, keys, by_key)
    if is_complete:
        async with context.database.read() as session:
            unresolved = await repository.system_list_unresolved_keys(session, alerts, rule_key, subjects)
        for keys in split_keys([key for key in unresolved if key not in by_key], BATCH_ROWS):
            async with context.database.write() as session:
                gone += await _mark_gone(context.unit_of_work(session), alerts, keys)
    return raised, gone


async def _record_batch(
    work: UnitOfWork,
    alerts: AlertConfig,
    keys: Sequence[str],
    detections: Mapping[str, RuledDetection],
) -> int:
    existing = await repository.system_find_by_keys(work, alerts, keys)
    raised = 0
    for key in keys:
        rule, detection = detections[key]
        if key in existing:
            raised += await _refresh_alert(work, alerts, rule, existing[key], detection)
        else:
            raised += await _raise_alert(work, alerts, rule, key, detection)
    return raised


async def _mark_gone(work: UnitOfWork, alerts: AlertConfig, keys: Sequence[str]) -> int:
    found = await repository.system_find_by_keys(work, alerts, keys)
    gone = [alert for alert in found.values() if not alert.gone]
    for alert in gone:
        alert.gone = True
        await _publish_change(work, alerts, alert, alert.state, "情况已消失")
    return len(gone)


def split_keys(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Consecutive parts of at most `size` keys."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


async def _raise_alert(
    work: UnitOfWork, alerts: AlertConfig, rule: Rule[AlertRule], dedup_key: str, detection: Detection
) -> int:
    alert = alerts.row(
        id=new_id(),
        region=detection.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        mark=dedup_key,
        rule=rule.key,
        kind=rule.value.kind,
        subject_kind=detection.subject_kind,
        subject=detection.subject,
        project_id=detection.related_id("project"),
        asset_id=detection.related_id("asset"),
        due_on=rule.value.get_due_date(work.today),
        state=AlertState.OPEN,
        state_since=work.at,
        files_needed=rule.value.files,
        **_detection_columns(work, rule, detection),
    )
    if not await repository.system_insert_alert(work, alerts, alert.model_dump()):
        return 0
    await log_event(work, alert, alerts.moved_event(alert, AlertState.OPEN), reason=detection.message)
    return 1


def _detection_columns(work: UnitOfWork, rule: Rule[AlertRule], detection: Detection) -> dict[str, Any]:
    return {
        "rule_ref": rule.ref,
        "basis": rule.basis,
        "light": detection.severity or rule.value.light,
        "title": detection.title[:300],
        "message": detection.message,
        "figures": dict(detection.figures),
        "rows": list(detection.rows),
        "seen_at": work.at,
    }


async def _refresh_alert(
    work: UnitOfWork, alerts: AlertConfig, rule: Rule[AlertRule], alert: AlertRow, detection: Detection
) -> int:
    """Update an alert and return 1 if that reopens it; changed figures alone publish no event."""
    previous, recurs, severity = alert.state, alert.gone, alert.light
    for name, value in {**_detection_columns(work, rule, detection), "gone": False}.items():
        setattr(alert, name, value)
    work.session.add(alert)
    is_worse = SEVERITY_ORDER.index(alert.light) > SEVERITY_ORDER.index(severity)
    is_late = alert.reopen_on is not None and alert.reopen_on < work.today
    reopened = previous is AlertState.CLOSED and (is_worse or recurs or is_late)
    if reopened:
        alert.state, alert.state_since, alert.due_on = (
            AlertState.OPEN,
            work.at,
            rule.value.get_due_date(work.today),
        )
        alert.answered_by, alert.reopen_on = "", None
    if reopened or is_worse or recurs:
        await _publish_change(work, alerts, alert, previous, "重新打开" if reopened else detection.message)
    return int(reopened)


async def _publish_change(
    work: UnitOfWork, alerts: AlertConfig, alert: AlertRow, previous: AlertState, reason: str
) -> None:
    await save_record(work, alert, alerts.moved_event(alert, previous), reason=reason)
