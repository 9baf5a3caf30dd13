"""Lifecycle of alerts of the work plan."""

from shared.alerts.lifecycle import alert_lifecycle
from shared.auth import May

ALERT = alert_lifecycle("work alert", "任务预警", answer=May.WORKPLAN_REPORT, decide=May.WORKPLAN_MANAGE)
