"""The scan of all detectors."""

from services.assets.alerts.detectors import DETECTORS
from services.assets.alerts.models import ALERTS
from shared.alerts import scan
from shared.alerts.schemas import ScanResult
from shared.unit_of_work import ServiceContext


async def scan_alerts(context: ServiceContext) -> ScanResult:
    """Run every detector now and update the alerts."""
    return await scan.run_detectors(context, ALERTS, DETECTORS)
