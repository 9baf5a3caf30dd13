"""Lifecycle of rectification alerts."""

from shared.alerts.lifecycle import alert_lifecycle
from shared.auth import May

ALERT = alert_lifecycle(
    "rectification alert", "整改预警", answer=May.RECTIFICATION_IMPLEMENT, decide=May.RECTIFICATION_CLOSE
)
