"""Lifecycle of asset alerts."""

from shared.alerts.lifecycle import alert_lifecycle
from shared.auth import May

ALERT = alert_lifecycle("asset alert", "资产预警", answer=May.ASSET_OPERATE, decide=May.ASSET_APPROVE)
