"""Domain events of value adjustments (价值调整)."""

from uuid import UUID

from shared.china import SignedMoney
from shared.clients.assets import AssetEvent


class ValueAdjusted(AssetEvent):
    """价值调整换了状态."""

    topic = "asset.value_adjusted"
    asset_id: UUID
    adjustment_id: UUID
    kind: str
    amount: SignedMoney
    was: str
    now: str
