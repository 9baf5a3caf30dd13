"""Table and event of alerts of the work plan, and the configuration of the shared alert machinery."""

from typing import ClassVar
from uuid import UUID

from services.workplan.alerts.lifecycle import ALERT
from services.workplan.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow, alert_table_args
from shared.auth import May
from shared.events import Event


class WorkAlert(Base, AlertRow, table=True):
    """任务预警."""

    __tablename__ = "work_alert"
    __table_args__ = alert_table_args()


class WorkAlertMoved(Event):
    """任务预警换了状态."""

    topic: ClassVar[str] = "work_alert.moved"
    alert_id: UUID
    rule: str
    target_id: UUID
    was: str
    now: str


def build_alert_event(alert: AlertRow, was: AlertState) -> WorkAlertMoved:
    """The event of an alert whose state changed."""
    return WorkAlertMoved(
        alert_id=alert.id, rule=alert.rule, target_id=UUID(alert.subject), was=was, now=alert.state
    )


ALERTS = AlertConfig(
    WorkAlert,
    ALERT,
    read=May.WORKPLAN_READ,
    decide=May.WORKPLAN_MANAGE,
    moved_event=build_alert_event,
)
