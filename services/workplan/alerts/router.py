"""Routes of alerts of the work plan."""

from services.workplan.alerts.models import ALERTS
from services.workplan.alerts.service import scan_alerts
from shared.alerts.router import alert_kind, alert_router

router = alert_router("/workplan", "任务预警", ALERTS, scan_alerts)
ALERT_KIND = alert_kind("work_alert", "任务预警", "/workplan", ALERTS, topic="work_alert.moved")
