"""The life of a project alert."""

from shared.alerts.lifecycle import alert_life
from shared.permissions import May

ALERT = alert_life("project alert", "项目预警", answer=May.PROJECT_IMPLEMENT, decide=May.PROJECT_APPROVE)
