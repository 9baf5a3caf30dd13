"""Asset alerts over HTTP."""

from services.assets.alerts.models import ALERTS
from services.assets.alerts.service import sweep
from shared.alerts.router import alert_routes

router = alert_routes("/assets", "资产预警", ALERTS, sweep)
