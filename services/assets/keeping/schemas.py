"""What goes in and out about keeping."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import UseState
from shared.identifiers import Phone


class KeeperPost(BaseModel):
    """指定管护责任人; 原责任人到前一日为止."""

    id: UUID | None = None
    unit: str = Field(min_length=2, max_length=200, description="管护单位")
    name: str = Field(min_length=2, max_length=50, description="管护责任人")
    phone: Phone | None = Field(None, description="电话; 加密保存, 只显示部分")
    funding: str = Field("", max_length=100, description="管护经费来源")
    welfare_post: bool = Field(False, description="是否公益性岗位")
    duties: str = Field("", max_length=2000, description="管护内容和标准")
    starts_on: date


class KeeperRead(BaseModel):
    """管护责任人."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    unit: str
    name: str
    phone_masked: str
    funding: str
    welfare_post: bool
    duties: str
    starts_on: date
    ends_on: date | None
    version: int


class PhoneRead(BaseModel):
    """完整电话; reading it is on record."""

    phone: str


class DutyRead(BaseModel):
    """管护责任清单的一行."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="资产")
    region: str
    code: str
    name: str
    asset_class: AssetClass
    address: str
    owner_name: str
    keeper_unit: str
    keeper_name: str
    use: UseState
    inspected_at: datetime | None
    inspect_due_on: date = Field(description="下次巡查不晚于")
    version: int
