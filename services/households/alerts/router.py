"""Routes of monitoring alerts."""

from services.households.alerts.models import ALERTS
from services.households.alerts.service import scan_alerts
from shared.alerts.router import alert_kind, alert_router

router = alert_router("/households", "监测预警", ALERTS, scan_alerts)
ALERT_KIND = alert_kind("household_alert", "监测预警", "/households", ALERTS, topic="household_alert.moved")
