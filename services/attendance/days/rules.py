"""Rules of one district in force on one day, as the evaluation of days reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import DutyState
from services.attendance.fields import get_district
from services.attendance.groups.calculation import apply_terms, find_terms
from services.attendance.policy import (
    ANOMALY_THRESHOLDS,
    CHECK_IN_LIMITS,
    CHECK_IN_SWITCHES,
    PRESENCE_RULES,
    AnomalyThresholds,
    CheckInLimits,
    CheckInSwitches,
    PresenceRules,
    load_calendar,
)
from shared.china import Day, get_day
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class DistrictRules:
    """Rules of one district in force on one day."""

    rules: PresenceRules
    switches: CheckInSwitches
    limits: CheckInLimits
    thresholds: AnomalyThresholds
    calendar_day: Day
    applied_rules: tuple[Rule[Any], ...]
    rule_refs: tuple[str, ...]
    group_id: UUID | None = None


async def load_district_rules(work: UnitOfWork, region: str, on: date) -> DistrictRules:
    """Loads the rules of a region's district in force on a day."""
    district = get_district(region)
    rule = await work.get_rule(PRESENCE_RULES, region=district, on=on)
    rules = rule.value
    switches_rule = await work.get_rule(CHECK_IN_SWITCHES, region=district, on=on)
    switches = switches_rule.value
    limits = (await work.get_rule(CHECK_IN_LIMITS, region=district, on=on)).value
    thresholds_rule = await work.get_rule(ANOMALY_THRESHOLDS, region=district, on=on)
    thresholds = thresholds_rule.value
    used = (rule, switches_rule, thresholds_rule)
    calendar_day = get_day(on, changes=await load_calendar(work, district))
    return DistrictRules(
        rules, switches, limits, thresholds, calendar_day, used, tuple(rule.ref for rule in used)
    )


def is_active(row: Any, on: date) -> bool:  # noqa: ANN401 - a row with starts_on, ends_on and closed_on
    """Returns whether an assignment or membership, and what it belongs to, cover a day."""
    if row.starts_on > on or (row.ends_on is not None and on > row.ends_on):
        return False
    return row.closed_on is None or on <= row.closed_on


def apply_group(rules: DistrictRules, group: Any, on: date, duties: Sequence[Duty]) -> DistrictRules:  # noqa: ANN401 - a row of `system_list_terms`
    """Returns the rules as the terms of an attendance group change them on a day; a cancelled shift is none."""
    terms = find_terms(group.terms, on)
    if terms is None:
        return replace(rules, group_id=group.group_id)
    has_shift = any(duty.state is not DutyState.CANCELLED for duty in duties)
    presence, day = apply_terms(rules.rules, rules.calendar_day, terms, has_shift=has_shift)
    refs = (*rules.rule_refs, f"attendance_group:{group.group_id}@{terms['since']}")
    return replace(rules, rules=presence, calendar_day=day, rule_refs=refs, group_id=group.group_id)
