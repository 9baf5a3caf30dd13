"""Domain events of disposal (处置) and revitalisation (盘活)."""

from uuid import UUID

from shared.clients.assets import AssetEvent


class DisposalMoved(AssetEvent):
    """资产处置换了状态; `was` is empty when it is requested."""

    topic = "disposal.moved"
    disposal_id: UUID
    asset_id: UUID
    cause: str
    was: str
    now: str


class RevivalMoved(AssetEvent):
    """盘活方案换了状态; `was` is empty when it is proposed."""

    topic = "revival.moved"
    revival_id: UUID
    asset_id: UUID
    was: str
    now: str
