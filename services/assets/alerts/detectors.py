"""What the rules look for among the assets, and the sweep that runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from services.assets.alerts import repository as neglect
from services.assets.alerts.models import ALERTS
from shared.alerts import scan as alerts
from shared.alerts.detection import Detection, DetectionContext, Detector
from shared.alerts.schemas import ScanResult
from shared.unit_of_work import ServiceContext, UnitOfWork

RULE_PREFIX = "risk."
DetectionQuery = Callable[[UnitOfWork, dict[str, Any]], Awaitable[list[Detection]]]

# fmt: off
DETECTION_QUERIES: dict[str, DetectionQuery] = {
    "contract_expiring":       lambda work, value: neglect.list_expiring_contracts(work, int(value["days"])),
    "operator_gone":           lambda work, _: neglect.list_lost_operators(work),
    "rent_unpaid":             lambda work, value: neglect.list_unpaid_contracts(work, int(value["days"])),
    "without_contract":        lambda work, value: neglect.list_assets_without_contract(work, int(value["days"])),
    "not_inspected":           lambda work, _: neglect.list_uninspected_assets(work),
    "use_overdue":             lambda work, _: neglect.list_overdue_uses(work),
    "project_without_assets":  lambda work, value: neglect.list_projects_without_assets(work, int(value["days"])),
    "value_differs":           lambda work, _: neglect.list_value_differences(work),
    "asset_without_project":   lambda work, value: neglect.list_assets_without_project(work, int(value["first_year"])),
    "no_photo":                lambda work, value: neglect.list_assets_without_photo(work, int(value["days"])),
    "seen_elsewhere":          lambda work, value: neglect.list_distant_inspections(work, int(value["days"])),
    "without_keeper":          lambda work, value: neglect.list_assets_without_keeper(work, int(value["days"])),
    "not_settled":             lambda work, value: neglect.list_stale_registrations(work, int(value["days"])),
    "undistributed":           lambda work, value: neglect.list_undistributed_income(work, int(value["days"])),
    "missing":                 lambda work, value: neglect.list_missing_assets(work, int(value["days"])),
}
"""Rule → how it is looked for; whether, how strictly and how long to answer is the rule's own (rules/risks.json)."""
# fmt: on


def _build_detector(find: DetectionQuery) -> Detector:
    async def watch(look: DetectionContext) -> list[Detection]:
        hits = look.note_truncation(await find(look.work, look.rule.value))
        return [replace(hit, title=f"{look.rule.title}: {hit.title}") for hit in hits]

    return watch


DETECTORS = {name: _build_detector(find) for name, find in DETECTION_QUERIES.items()}


async def scan_alerts(context: ServiceContext) -> ScanResult:
    """Let every risk rule look at the assets now."""
    return await alerts.run_detectors(context, ALERTS, RULE_PREFIX, DETECTORS)
