"""Table and event of monitoring alerts, and the configuration of the shared alert machinery."""

from typing import ClassVar
from uuid import UUID

from services.households.alerts.lifecycle import ALERT
from services.households.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow, alert_table_args
from shared.auth import May
from shared.events import Event


class HouseholdAlert(Base, AlertRow, table=True):
    """监测预警."""

    __tablename__ = "household_alert"
    __table_args__ = alert_table_args()


class HouseholdAlertMoved(Event):
    """监测预警换了状态."""

    topic: ClassVar[str] = "household_alert.moved"
    alert_id: UUID
    rule: str
    record: str
    was: str
    now: str


def build_alert_event(alert: AlertRow, was: AlertState) -> HouseholdAlertMoved:
    """The event of an alert whose state changed."""
    return HouseholdAlertMoved(
        alert_id=alert.id, rule=alert.rule, record=alert.subject, was=was, now=alert.state
    )


ALERTS = AlertConfig(
    HouseholdAlert,
    ALERT,
    read=May.HOUSEHOLD_READ,
    decide=May.HOUSEHOLD_APPROVE,
    moved_event=build_alert_event,
)
