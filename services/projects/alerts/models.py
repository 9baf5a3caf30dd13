"""The table of project alerts."""

from services.projects.alerts.lifecycle import ALERT
from services.projects.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertRow, Alerts, alert_indexes
from shared.contracts.projects import ProjectAlertMoved
from shared.permissions import May


class ProjectAlert(Base, AlertRow, table=True):
    """项目预警."""

    __tablename__ = "project_alert"
    __table_args__ = alert_indexes()


def moved(alert: AlertRow, was: AlertState) -> ProjectAlertMoved:
    """The event of an alert that changed."""
    return ProjectAlertMoved(
        alert_id=alert.id, rule=alert.rule, project_id=alert.project_id, was=was, now=alert.state
    )


ALERTS = Alerts(ProjectAlert, ALERT, read=May.PROJECT_READ, decide=May.PROJECT_APPROVE, moved=moved)
