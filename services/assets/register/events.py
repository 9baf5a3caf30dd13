"""What the log says of the register beside the moves."""

from datetime import date
from uuid import UUID

from shared.contracts.assets import AssetEvent


class AssetEntered(AssetEvent):
    """资产草稿已建立."""

    topic = "asset.entered"
    asset_id: UUID
    origin: str
    project_id: UUID | None = None


class AssetChanged(AssetEvent):
    """资产信息已修改."""

    topic = "asset.changed"
    asset_id: UUID
    fields: list[str]


class AssetUseChanged(AssetEvent):
    """资产使用状态已变更."""

    topic = "asset.use_changed"
    asset_id: UUID
    was: str
    now: str
    deadline: date | None = None
