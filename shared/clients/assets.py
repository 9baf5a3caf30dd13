"""What the assets service promises: its events, narrow views, and a typed client for other services."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Money, PositiveMoney
from shared.events import Event


class AssetEvent(Event):
    """An event whose amounts are 分 in Python and 元 in JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class AssetMoved(AssetEvent):
    """资产换了状态."""

    topic: ClassVar[str] = "asset.moved"
    asset_id: UUID
    project_id: UUID | None = None
    was: str
    now: str


class AssetHandedOver(AssetEvent):
    """资产已移交."""

    topic: ClassVar[str] = "asset.handed_over"
    asset_id: UUID
    project_id: UUID | None = None
    original_value: PositiveMoney


class AssetOwnerChanged(AssetEvent):
    """资产换了所有权人, 编号不变."""

    topic: ClassVar[str] = "asset.owner_changed"
    asset_id: UUID
    project_id: UUID | None = None
    owner_kind: str


class AssetReshaped(AssetEvent):
    """资产已拆分或合并, 价值不变."""

    topic: ClassVar[str] = "asset.reshaped"
    asset_id: UUID
    project_id: UUID | None = None
    into: tuple[UUID, ...] = ()
    out_of: tuple[UUID, ...] = ()


class TransferMoved(AssetEvent):
    """权属文书换了状态."""

    topic: ClassVar[str] = "transfer.moved"
    transfer_id: UUID
    kind: str
    assets: int
    was: str
    now: str


class Coverage(BaseModel):
    """一个项目的资产登记情况 (`GET /api/v1/assets/coverage/{project_id}`)."""

    model_config = ConfigDict(extra="ignore")

    project_id: UUID
    drafts: int = Field(description="待登记")
    registered: int = Field(description="已登记及以后")
    handed_over: int = Field(description="已移交")
    registered_value: Money = Field(description="已登记资产原值合计")


class AssetsClient:
    """What other services ask of assets, over the peer they are handed (`AssetsClient(work.peer("assets"))`)."""

    def __init__(self, peer: Any) -> None:  # noqa: ANN401 - shared.work.Peer; contracts know no web framework
        self.peer = peer

    async def get_coverage(self, project_id: UUID) -> Coverage:
        """What a project's money became; zeros when nothing was registered."""
        return Coverage.model_validate(await self.peer.get(f"/api/v1/assets/coverage/{project_id}"))
