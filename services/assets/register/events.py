"""Domain events of the register, beside those of lifecycle transitions."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.china import PositiveMoney
from shared.clients.assets import AssetEvent


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


class FundingShare(BaseModel):
    """资金来源中的一项."""

    model_config = ConfigDict(frozen=True)

    level: str = ""
    fund: str = ""
    document_no: str = ""
    amount: PositiveMoney


class FundingCarried(AssetEvent):
    """资金来源已按资金总账带入或更正; `before` holds the previous sources."""

    topic = "asset.funding_carried"
    asset_id: UUID
    project_id: UUID | None = None
    funding: tuple[FundingShare, ...]


class AssetUseChanged(AssetEvent):
    """资产使用状态已变更."""

    topic = "asset.use_changed"
    asset_id: UUID
    was: str
    now: str
    deadline: date | None = None
