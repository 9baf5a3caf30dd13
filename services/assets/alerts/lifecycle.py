"""The life of an asset alert."""

from shared.alerts.lifecycle import alert_life
from shared.permissions import May

ALERT = alert_life("asset alert", "资产预警", answer=May.ASSET_OPERATE, decide=May.ASSET_APPROVE)
