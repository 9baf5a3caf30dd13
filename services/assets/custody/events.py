"""Domain events of custody (管护): keepers, inspections, follow-up visits."""

from uuid import UUID

from shared.clients.assets import AssetEvent


class KeeperNamed(AssetEvent):
    """管护责任人已指定."""

    topic = "asset.keeper_named"
    asset_id: UUID
    keeper_id: UUID
    welfare_post: bool


class PhoneRevealed(AssetEvent):
    """有人查看了完整电话."""

    topic = "asset.phone_revealed"
    asset_id: UUID
    record_id: UUID


class AssetInspected(AssetEvent):
    """资产已巡查."""

    topic = "asset.inspected"
    asset_id: UUID
    inspection_id: UUID
    condition: str
    verdict: str | None = None
    photos: int = 0


class HouseholdVisited(AssetEvent):
    """到户资产已回访."""

    topic = "asset.followed_up"
    asset_id: UUID
    visit_id: UUID
    holding: str
