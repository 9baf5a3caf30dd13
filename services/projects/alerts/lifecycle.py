"""Lifecycle of a project alert."""

from shared.alerts.lifecycle import alert_lifecycle
from shared.auth import May

ALERT_LIFECYCLE = alert_lifecycle(
    "project alert", "项目预警", answer=May.PROJECT_IMPLEMENT, decide=May.PROJECT_APPROVE
)
