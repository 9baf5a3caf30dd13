"""Schemas of split and merge."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.assets.register.schemas import AssetRead
from shared.china import Money, PositiveMoney
from shared.request_body import RequestBody


class PartPost(RequestBody):
    """拆出的一项."""

    name: str = Field(min_length=2, max_length=200)
    original_value: PositiveMoney
    subclass: str = Field("", max_length=40, description="空则同原资产")
    quantity: str = Field("", max_length=40)
    specification: str = Field("", max_length=300)


class SplitPost(RequestBody):
    """拆分: the values of the parts add up to that of the asset."""

    parts: list[PartPost] = Field(min_length=2, max_length=100)
    reason: str = Field(min_length=2, max_length=2000)
    document_no: str = Field("", max_length=100, description="批准文号")
    happened_at: AwareDatetime | None = None


class MergePost(RequestBody):
    """合并: assets of one class, owner and state become one."""

    asset_ids: list[UUID] = Field(min_length=2, max_length=100)
    name: str = Field(min_length=2, max_length=200)
    quantity: str = Field("", max_length=40)
    specification: str = Field("", max_length=300)
    reason: str = Field(min_length=2, max_length=2000)
    document_no: str = Field("", max_length=100, description="批准文号")
    happened_at: AwareDatetime | None = None


class SplitMergeResult(BaseModel):
    """拆并结果."""

    old: list[AssetRead]
    new: list[AssetRead]


class AssetLinkRead(BaseModel):
    """新旧资产的承接关系."""

    model_config = ConfigDict(from_attributes=True)

    old_id: UUID
    new_id: UUID
    value: Money
