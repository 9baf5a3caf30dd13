"""Routes of asset alerts."""

from services.assets.alerts.detectors import scan_alerts
from services.assets.alerts.models import ALERTS
from shared.alerts.router import alert_router

router = alert_router("/assets", "资产预警", ALERTS, scan_alerts)
