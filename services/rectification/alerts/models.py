"""Table and event of rectification alerts, and the configuration of the shared alert machinery."""

from typing import ClassVar
from uuid import UUID

from services.rectification.alerts.lifecycle import ALERT
from services.rectification.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow, alert_table_args
from shared.auth import May
from shared.events import Event


class RectificationAlert(Base, AlertRow, table=True):
    """整改预警."""

    __tablename__ = "rectification_alert"
    __table_args__ = alert_table_args()


class RectificationAlertMoved(Event):
    """整改预警换了状态."""

    topic: ClassVar[str] = "rectification_alert.moved"
    alert_id: UUID
    rule: str
    item: str
    was: str
    now: str


def build_alert_event(alert: AlertRow, was: AlertState) -> RectificationAlertMoved:
    """The event of an alert whose state changed."""
    return RectificationAlertMoved(
        alert_id=alert.id, rule=alert.rule, item=alert.subject, was=was, now=alert.state
    )


ALERTS = AlertConfig(
    RectificationAlert,
    ALERT,
    read=May.RECTIFICATION_READ,
    decide=May.RECTIFICATION_CLOSE,
    moved_event=build_alert_event,
)
