"""Table and configuration of fund alerts."""

from services.funds.alerts.lifecycle import ALERT_LIFECYCLE
from services.funds.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow, alert_table_args
from shared.auth import May
from shared.clients.funds import AlertMoved


class Alert(Base, AlertRow, table=True):
    """资金预警."""

    __tablename__ = "alert"
    __table_args__ = alert_table_args()


def build_moved_event(alert: AlertRow, was: AlertState) -> AlertMoved:
    """Event of an alert transition."""
    return AlertMoved(alert_id=alert.id, rule=alert.rule, was=was, now=alert.state)


ALERTS = AlertConfig(
    Alert, ALERT_LIFECYCLE, read=May.FUND_READ, decide=May.FUND_SUPERVISE, moved_event=build_moved_event
)
