"""Domain events of pledges (抵押)."""

from uuid import UUID

from shared.china import Money
from shared.clients.assets import AssetEvent


class PledgeMoved(AssetEvent):
    """资产抵押换了状态; `was` is empty when it is proposed."""

    topic = "pledge.moved"
    pledge_id: UUID
    asset_id: UUID
    amount: Money
    was: str
    now: str
