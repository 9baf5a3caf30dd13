"""HTTP routes of fund alerts."""

from services.funds.alerts.models import ALERTS
from services.funds.alerts.service import scan_alerts
from shared.alerts.router import alert_kind, alert_router

router = alert_router("/funds", "资金预警", ALERTS, scan_alerts)
ALERT_KIND = alert_kind("fund_alert", "资金预警", "/funds", ALERTS, topic="alert.moved")
