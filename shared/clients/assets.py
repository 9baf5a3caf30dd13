"""Contract of the assets service: events, response views and a typed client."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import MoneySum, PositiveMoney
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
    registered_value: MoneySum = Field(description="已登记资产原值合计")


class AssetsClient:
    """Typed client of the assets service: `AssetsClient(work.service_client("assets"))`."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - a ServiceClient; contracts import no web framework
        self.client = client

    async def get_coverage(self, project_id: UUID) -> Coverage:
        """Numbers and value of a project's assets; zeros when there are none."""
        return Coverage.model_validate(await self.client.get(f"/api/v1/assets/coverage/{project_id}"))
