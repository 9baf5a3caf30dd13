"""Domain events of stock-taking (盘点)."""

from uuid import UUID

from shared.clients.assets import AssetEvent


class CampaignMoved(AssetEvent):
    """盘点换了状态; `was` is empty when the campaign is created."""

    topic = "campaign.moved"
    campaign_id: UUID
    expected: int
    was: str
    now: str


class AssetCounted(AssetEvent):
    """一项资产已盘点."""

    topic = "campaign.counted"
    campaign_id: UUID
    finding_id: UUID
    asset_id: UUID | None = None
    result: str
