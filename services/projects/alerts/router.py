"""Project alerts over HTTP."""

from services.projects.alerts.models import ALERTS
from services.projects.alerts.service import sweep
from shared.alerts.router import alert_routes

router = alert_routes("/projects", "项目预警", ALERTS, sweep)
