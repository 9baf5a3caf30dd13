"""Schemas of custody: keepers, duties, inspections, follow-up visits."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.assets.register.lifecycle import UseState
from services.assets.register.schemas import AssetClass
from shared.china import FencePosition, Fix, LabelledEnum, Money, Phone, VisibleText
from shared.errors import FieldErrorRead
from shared.request_body import RequestBody


class BatchItemOutcome(LabelledEnum):
    """离线记录中一条的处理结果."""

    APPLIED = "applied", "已记录"
    DUPLICATE = "duplicate", "重复提交"
    REFUSED = "refused", "未接受"


class Holding(LabelledEnum):
    """到户资产现状."""

    HELD = "held", "在养在用"
    GROWN = "grown", "已扩大"
    SOLD = "sold", "已出售"
    CONSUMED = "consumed", "已自用或到期淘汰"
    LOST = "lost", "死亡、毁损或丢失"
    MISUSED = "misused", "挪作他用"


class KeeperPost(RequestBody):
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
    """完整电话; each reading is logged."""

    phone: str


class CustodyDutyRead(BaseModel):
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


class AssetCondition(LabelledEnum):
    """所见状况."""

    GOOD = "good", "完好"
    WORN = "worn", "轻微损坏, 不影响使用"
    BROKEN = "broken", "损坏, 影响使用"
    UNUSABLE = "unusable", "不能使用"
    NOT_FOUND = "not_found", "未找到"


class InspectionPost(RequestBody):
    """巡查记录: may be made offline and sent later."""

    id: UUID | None = Field(None, description="UUIDv7, 手机生成; 重复提交同一条不会重复记录")
    condition: AssetCondition
    use_seen: UseState | None = Field(None, description="所见使用情况; 空为未判断")
    findings: VisibleText = Field("", max_length=2000, description="发现的问题")
    photos: list[UUID] = Field([], max_length=30, description="照片的文件编号")
    fix: Fix | None = Field(None, description="定位; 没有信号时可不带")
    inspected_at: AwareDatetime | None = Field(None, description="实际巡查时间; 空为现在")


MAX_BATCH_ITEMS = 200


class InspectionItem(InspectionPost):
    """离线批次中的一条巡查."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="UUIDv7, 手机生成; 重复提交同一条不会重复记录")
    asset_id: UUID
    inspected_at: AwareDatetime = Field(description="实际巡查时间")


class InspectionBatch(RequestBody):
    """一批巡查记录: items are processed independently; an invalid one does not block the others."""

    items: list[dict[str, Any]] = Field(
        min_length=1, max_length=MAX_BATCH_ITEMS, description="每项为一条巡查记录"
    )


class InspectionOutcome(BaseModel):
    """一条记录的结果."""

    id: str
    taken: BatchItemOutcome
    verdict: FencePosition | None = Field(None, description="在不在资产坐落处")
    words: str
    errors: list[FieldErrorRead] = []


class InspectionBatchOutcome(BaseModel):
    """一批记录的结果, 与提交的顺序相同."""

    items: list[InspectionOutcome]


class InspectionRead(BaseModel):
    """一次巡查."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    condition: AssetCondition
    use_seen: UseState | None
    findings: str
    photos: list[str]
    photo_remarks: list[str] = Field(description="照片存疑: 日期、地点与记录不符, 或以前用过")
    fix: dict[str, Any] | None = Field(description="原始定位")
    lon: float | None = Field(description="WGS-84")
    lat: float | None = Field(description="WGS-84")
    verdict: FencePosition | None = Field(description="在不在资产坐落处; 空为没有定位或资产没有坐标")
    distance_m: float | None = Field(description="到资产范围的距离, 米; 范围内为 0")
    margin_m: float | None = Field(description="定位误差圈离边界的距离, 米; 负数为跨界")
    inspected_at: datetime
    inspector: str
    created_at: datetime


class FollowUpPost(RequestBody):
    """登记回访."""

    id: UUID | None = None
    visited_on: date
    holding: Holding
    quantity: str = Field("", max_length=40, description="现有数量")
    income: Money | None = Field(None, description="当年由此增加的收入")
    needs: str = Field("", max_length=1000, description="困难和需求; 不写病史等隐私")
    photos: list[UUID] = Field([], max_length=10)


class AssetFollowUpRead(BaseModel):
    """一次回访."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    visited_on: date
    visitor: str
    holding: Holding
    quantity: str
    income: Money | None
    needs: str
    photos: list[str]
