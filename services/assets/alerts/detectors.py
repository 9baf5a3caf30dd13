"""Detectors of the risk rules over assets, and the scan that runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from services.assets.alerts import repository
from services.assets.alerts.models import ALERTS
from shared.alerts import scan
from shared.alerts.detection import Detection, DetectionContext, Detector
from shared.alerts.schemas import ScanResult
from shared.unit_of_work import ServiceContext, UnitOfWork

RULE_PREFIX = "risk."
DetectionQuery = Callable[[UnitOfWork, dict[str, Any]], Awaitable[list[Detection]]]

# fmt: off
DETECTION_QUERIES: dict[str, DetectionQuery] = {
    "contract_expiring":       lambda work, value: repository.list_expiring_contracts(work, int(value["days"])),
    "operator_gone":           lambda work, _: repository.list_lost_operators(work),
    "rent_unpaid":             lambda work, value: repository.list_unpaid_contracts(work, int(value["days"])),
    "without_contract":        lambda work, value: repository.list_assets_without_contract(work, int(value["days"])),
    "not_inspected":           lambda work, _: repository.list_uninspected_assets(work),
    "use_overdue":             lambda work, _: repository.list_overdue_uses(work),
    "project_without_assets":  lambda work, value: repository.list_projects_without_assets(work, int(value["days"])),
    "value_differs":           lambda work, _: repository.list_value_differences(work),
    "asset_without_project":   lambda work, value: repository.list_assets_without_project(work, int(value["first_year"])),
    "no_photo":                lambda work, value: repository.list_assets_without_photo(work, int(value["days"])),
    "seen_elsewhere":          lambda work, value: repository.list_distant_inspections(work, int(value["days"])),
    "without_keeper":          lambda work, value: repository.list_assets_without_keeper(work, int(value["days"])),
    "not_settled":             lambda work, value: repository.list_stale_registrations(work, int(value["days"])),
    "undistributed":           lambda work, value: repository.list_undistributed_income(work, int(value["days"])),
    "missing":                 lambda work, value: repository.list_missing_assets(work, int(value["days"])),
}
"""Rule key → query. Whether a rule is active, its thresholds and its deadline come from rules/risks.json."""
# fmt: on


def _build_detector(query: DetectionQuery) -> Detector:
    async def detect(context: DetectionContext) -> list[Detection]:
        detections = context.note_truncation(await query(context.work, context.rule.value))
        return [
            replace(detection, title=f"{context.rule.title}: {detection.title}") for detection in detections
        ]

    return detect


DETECTORS = {name: _build_detector(query) for name, query in DETECTION_QUERIES.items()}


async def scan_alerts(context: ServiceContext) -> ScanResult:
    """Run every risk rule over the assets now and update the alerts."""
    return await scan.run_detectors(context, ALERTS, RULE_PREFIX, DETECTORS)
