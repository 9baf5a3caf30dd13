"""Table of project alerts."""

from services.projects.alerts.lifecycle import ALERT_LIFECYCLE
from services.projects.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow, alert_table_args
from shared.auth import May
from shared.clients.projects import ProjectAlertMoved


class ProjectAlert(Base, AlertRow, table=True):
    """项目预警."""

    __tablename__ = "project_alert"
    __table_args__ = alert_table_args()


def build_moved_event(alert: AlertRow, was: AlertState) -> ProjectAlertMoved:
    """Build the event of an alert that changed its state."""
    return ProjectAlertMoved(
        alert_id=alert.id, rule=alert.rule, project_id=alert.project_id, was=was, now=alert.state
    )


ALERTS = AlertConfig(
    ProjectAlert,
    ALERT_LIFECYCLE,
    read=May.PROJECT_READ,
    decide=May.PROJECT_APPROVE,
    moved_event=build_moved_event,
)
