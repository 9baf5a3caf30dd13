"""The table of fund alerts."""

from services.funds.alerts.lifecycle import ALERT
from services.funds.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertRow, Alerts, alert_indexes
from shared.contracts.funds import AlertMoved
from shared.permissions import May


class Alert(Base, AlertRow, table=True):
    """资金预警."""

    __tablename__ = "alert"
    __table_args__ = alert_indexes()


def moved(alert: AlertRow, was: AlertState) -> AlertMoved:
    """The event of an alert that changed."""
    return AlertMoved(alert_id=alert.id, rule=alert.rule, was=was, now=alert.state)


ALERTS = Alerts(Alert, ALERT, read=May.FUND_READ, decide=May.FUND_ALERT, moved=moved)
