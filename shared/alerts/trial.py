"""Trial of an alert rule: what another value of it would find among the records as they are; nothing is stored."""

from collections.abc import Collection

from shared.alerts.detection import AlertRule, Detection, DetectionContext, DetectorKey
from shared.alerts.models import AlertConfig
from shared.alerts.scan import find_nearest
from shared.alerts.schemas import AlertTrial, TriedDetection
from shared.errors import NotFound
from shared.rules import Rule, RuleEntry
from shared.rules.service import check_entry, require_key
from shared.unit_of_work import UnitOfWork

MAX_TRIED_ROWS = 50
"""Detections of each kind that a trial lists; all are counted."""


async def try_rule(work: UnitOfWork, alerts: AlertConfig, body: RuleEntry) -> AlertTrial:
    """Compare what the rule in force finds in a region with what the entry would find.

    Regions inside it that have a version of their own are left out: the entry would not change them. NotFound for a rule
    that no detector reads, Forbidden without the permission to read the alerts and to change the rule there, Invalid
    for a value of another shape.
    """
    registry = work.context.rules.registry
    key = require_key(registry, body.key)
    if not isinstance(key, DetectorKey):
        raise NotFound(f"规则 {body.key} 不产生预警, 不能试算", f"{body.key} raises no alerts")
    work.actor.require(alerts.read, body.region)
    work.actor.require(registry.get_permission(key), body.region)
    check_entry(key, body)
    tried: Rule[AlertRule] = Rule(
        key.key, 0, key.parse_value(body.value), body.basis, body.confirmed, body.title
    )
    in_force = (await work.get_rules([key], region=body.region)).get(key.key)
    areas = {body.region, *await work.context.rules.list_regions(work.session, key, work.at)}
    now, now_complete = await _detect(work, key, in_force, body.region, areas)
    then, then_complete = await _detect(work, key, tried, body.region, areas)
    raised, gone = [then[one] for one in then if one not in now], [now[one] for one in now if one not in then]
    return AlertTrial(
        found_now=len(now),
        found_then=len(then),
        raised_count=len(raised),
        gone_count=len(gone),
        raised=raised[:MAX_TRIED_ROWS],
        gone=gone[:MAX_TRIED_ROWS],
        is_complete=now_complete and then_complete,
    )


async def _detect(
    work: UnitOfWork,
    key: DetectorKey[AlertRule],
    rule: Rule[AlertRule] | None,
    region: str,
    areas: Collection[str],
) -> tuple[dict[tuple[str, ...], TriedDetection], bool]:
    """What tells a detection apart (its light is a part of it) → what it is; and whether every record was looked at."""
    if rule is None or not rule.value.enabled or key.detect is None:
        return {}, True
    context = DetectionContext(work, rule, work.today)
    found = [one for one in await key.detect(context) if find_nearest(one.region, areas) == region]
    return {_identify(one, rule): _build_tried(one, rule) for one in found}, not context.truncated_counts


def _identify(one: Detection, rule: Rule[AlertRule]) -> tuple[str, ...]:
    return (one.subject_kind, one.subject, one.dedup_key, one.severity or rule.value.light)


def _build_tried(one: Detection, rule: Rule[AlertRule]) -> TriedDetection:
    return TriedDetection(
        region=one.region,
        subject_kind=one.subject_kind,
        subject=one.subject,
        light=one.severity or rule.value.light,
        title=one.title,
        message=one.message,
    )
