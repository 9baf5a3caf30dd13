"""The table of asset alerts."""

from uuid import UUID

from services.assets.alerts.lifecycle import ALERT
from services.assets.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertRow, Alerts, alert_indexes
from shared.contracts.assets import AssetEvent
from shared.permissions import May


class AssetAlert(Base, AlertRow, table=True):
    """资产预警."""

    __tablename__ = "asset_alert"
    __table_args__ = alert_indexes()


class AssetAlertMoved(AssetEvent):
    """资产预警换了状态."""

    topic = "asset_alert.moved"
    alert_id: UUID
    rule: str
    asset_id: UUID | None = None
    was: str
    now: str


def moved(alert: AlertRow, was: AlertState) -> AssetAlertMoved:
    """The event of an alert that changed."""
    return AssetAlertMoved(
        alert_id=alert.id, rule=alert.rule, asset_id=alert.asset_id, was=was, now=alert.state
    )


ALERTS = Alerts(AssetAlert, ALERT, read=May.ASSET_READ, decide=May.ASSET_APPROVE, moved=moved)
