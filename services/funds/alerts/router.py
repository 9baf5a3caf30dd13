"""Fund alerts over HTTP."""

from services.funds.alerts.models import ALERTS
from services.funds.watching.service import sweep
from shared.alerts.router import alert_routes

router = alert_routes("/funds", "资金预警", ALERTS, sweep)
