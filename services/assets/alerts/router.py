"""Routes of asset alerts."""

from services.assets.alerts.models import ALERTS
from services.assets.alerts.service import scan_alerts
from shared.alerts.router import alert_kind, alert_router

router = alert_router("/assets", "资产预警", ALERTS, scan_alerts)
ALERT_KIND = alert_kind("asset_alert", "资产预警", "/assets", ALERTS, topic="asset_alert.moved")
