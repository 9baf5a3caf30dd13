"""Schemas of stock-taking."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.assets.campaigns.lifecycle import CampaignState
from services.assets.custody.schemas import BatchItemOutcome
from services.assets.register.schemas import AssetClass
from shared.china import FencePosition, Fix, LabelledEnum, Money, OptionalRegionCode, RegionCode, VisibleText
from shared.errors import FieldErrorRead
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class FindingResult(LabelledEnum):
    """盘点结果."""

    FOUND = "found", "账实相符"
    DAMAGED = "damaged", "找到, 有损坏"
    MISPLACED = "misplaced", "不在登记地点"
    MISSING = "missing", "盘亏(未找到)"
    NOT_ON_LIST = "not_on_list", "盘盈(账外)"


MAX_BATCH_ITEMS = 500


class CampaignCreate(RequestBody):
    """开始盘点: the expected list is copied from the register at once."""

    id: UUID | None = None
    region: RegionCode
    name: str = Field(min_length=2, max_length=200)
    classes: list[AssetClass] = Field(list(AssetClass), min_length=1, max_length=3)
    starts_on: date
    ends_on: date
    note: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def _validate_dates(self) -> "CampaignCreate":
        if self.ends_on < self.starts_on:
            raise ValueError("盘点止期早于起期")
        return self


class CampaignRead(BaseModel):
    """盘点."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    name: str
    classes: list[AssetClass]
    starts_on: date
    ends_on: date
    note: str
    state: CampaignState
    state_since: datetime
    created_by: str


class StocktakeTally(BaseModel):
    """一种结果的数量与原值."""

    count: int
    value: Money


class CampaignProgress(BaseModel):
    """盘点进度; 应盘 = 账实相符 + 有损坏 + 不在地点 + 盘亏 + 未盘."""

    expected: StocktakeTally
    found: StocktakeTally
    damaged: StocktakeTally
    misplaced: StocktakeTally
    missing: StocktakeTally
    unchecked: StocktakeTally
    not_on_list: int = Field(description="账外条数")
    percent: str = Field(description="已盘占应盘, %")


class CampaignDetail(CampaignRead):
    """盘点, 进度和可办事项."""

    progress: CampaignProgress
    available_actions: list[AvailableAction]


class CampaignTransitionRequest(TransitionRequest):
    """办理盘点."""


class FindingPost(RequestBody):
    """一条盘点记录, 可在没有信号时先记下."""

    id: UUID = Field(description="UUIDv7, 手机生成; 重复提交同一条不会重复记录")
    asset_id: UUID | None = Field(None, description="账外资产不填")
    result: FindingResult
    name: VisibleText = Field("", max_length=200, description="账外资产的名称")
    region: OptionalRegionCode = Field("", description="账外资产所在的村; 空为本人辖区")
    photos: list[UUID] = Field([], max_length=10)
    fix: Fix | None = None
    note: VisibleText = Field("", max_length=1000)
    found_at: AwareDatetime

    @model_validator(mode="after")
    def _validate_identity(self) -> "FindingPost":
        if (self.result is FindingResult.NOT_ON_LIST) is not (self.asset_id is None):
            raise ValueError("账外资产不填资产编号, 其他结果必须填")
        if self.asset_id is None and not self.name.strip():
            raise ValueError("账外资产须写名称")
        return self


class FindingBatch(RequestBody):
    """一批盘点记录: items are processed independently; an invalid one does not block the others."""

    items: list[dict[str, Any]] = Field(
        min_length=1, max_length=MAX_BATCH_ITEMS, description="每项为一条盘点记录"
    )


class FindingOutcome(BaseModel):
    """一条记录的结果."""

    id: str
    taken: BatchItemOutcome
    result: FindingResult | None = Field(None, description="记录的结果; 定位在登记地点之外时改为不在登记地点")
    verdict: FencePosition | None = None
    words: str
    errors: list[FieldErrorRead] = []


class FindingBatchOutcome(BaseModel):
    """一批记录的结果, 与提交的顺序相同."""

    items: list[FindingOutcome]


class CampaignItemRead(BaseModel):
    """应盘清单的一项."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: UUID
    region: str
    code: str
    name: str
    asset_class: AssetClass
    value: Money
    result: FindingResult | None
    found_at: datetime | None
    finding_id: UUID | None


class CampaignItemPage(BaseModel):
    """应盘清单的一页."""

    items: list[CampaignItemRead]
    next_cursor: str | None


class StocktakeFindingRead(BaseModel):
    """一条盘点记录."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID | None
    result: FindingResult
    name: str
    photos: list[str]
    lon: float | None
    lat: float | None
    verdict: FencePosition | None
    distance_m: float | None
    note: str
    found_at: datetime
    created_by: str
    created_at: datetime


class CampaignReport(BaseModel):
    """盘点报告."""

    campaign: CampaignRead
    progress: CampaignProgress
    by_village: dict[str, dict[str, int]] = Field(description="村(镇)代码 → 结果 → 数量")
    differences: list[CampaignItemRead] = Field(description="盘亏、不在地点、有损坏、未盘, 最多 1000 项")
    not_on_list: list[StocktakeFindingRead]
