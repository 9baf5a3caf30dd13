"""The scan of all detectors."""

from services.workplan.alerts.detectors import DETECTORS
from services.workplan.alerts.models import ALERTS
from shared.alerts import scan
from shared.alerts.schemas import ScanResult
from shared.unit_of_work import ServiceContext


async def scan_alerts(context: ServiceContext, rest: float = 0) -> ScanResult:
    """Run all detectors now and update the alerts; after each it rests `rest` times as long as it took."""
    return await scan.run_detectors(context, ALERTS, DETECTORS, rest)
