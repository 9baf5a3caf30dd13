"""Routes of rectification alerts."""

from services.rectification.alerts.models import ALERTS
from services.rectification.alerts.service import scan_alerts
from shared.alerts.router import alert_kind, alert_router

router = alert_router("/rectification", "整改预警", ALERTS, scan_alerts)
ALERT_KIND = alert_kind(
    "rectification_alert", "整改预警", "/rectification", ALERTS, topic="rectification_alert.moved"
)
