"""Table and event of asset alerts, and the configuration of the shared alert machinery."""

from uuid import UUID

from services.assets.alerts.lifecycle import ALERT
from services.assets.base import Base
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow, alert_table_args
from shared.auth import May
from shared.clients.assets import AssetEvent


class AssetAlert(Base, AlertRow, table=True):
    """资产预警."""

    __tablename__ = "asset_alert"
    __table_args__ = alert_table_args()


class AssetAlertMoved(AssetEvent):
    """资产预警换了状态."""

    topic = "asset_alert.moved"
    alert_id: UUID
    rule: str
    asset_id: UUID | None = None
    was: str
    now: str


def build_alert_event(alert: AlertRow, was: AlertState) -> AssetAlertMoved:
    """The event of an alert whose state changed."""
    return AssetAlertMoved(
        alert_id=alert.id, rule=alert.rule, asset_id=alert.asset_id, was=was, now=alert.state
    )


ALERTS = AlertConfig(
    AssetAlert, ALERT, read=May.ASSET_READ, decide=May.ASSET_APPROVE, moved_event=build_alert_event
)
