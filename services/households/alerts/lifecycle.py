"""Lifecycle of monitoring alerts."""

from shared.alerts.lifecycle import alert_lifecycle
from shared.auth import May

ALERT = alert_lifecycle(
    "monitoring alert", "监测预警", answer=May.HOUSEHOLD_INVESTIGATE, decide=May.HOUSEHOLD_APPROVE
)
