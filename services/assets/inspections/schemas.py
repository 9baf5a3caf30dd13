"""What goes in and out about inspections."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.assets.inspections.kinds import Taken
from services.assets.register.lifecycle import UseState
from shared.errors import FaultRead
from shared.fences import Standing
from shared.labels import Labelled
from shared.places import Fix


class Condition(Labelled):
    """所见状况."""

    GOOD = "good", "完好"
    WORN = "worn", "轻微损坏, 不影响使用"
    BROKEN = "broken", "损坏, 影响使用"
    UNUSABLE = "unusable", "不能使用"
    NOT_FOUND = "not_found", "未找到"


class InspectionPost(BaseModel):
    """巡查记录: made on the spot, perhaps without signal, and sent when there is some."""

    id: UUID | None = Field(None, description="UUIDv7, 手机生成; 重复提交同一条不会重复记录")
    condition: Condition
    use_seen: UseState | None = Field(None, description="所见使用情况; 空为未判断")
    findings: str = Field("", max_length=2000, description="发现的问题")
    photos: list[UUID] = Field([], max_length=30, description="照片的文件编号")
    fix: Fix | None = Field(None, description="定位; 没有信号时可不带")
    inspected_at: AwareDatetime | None = Field(None, description="实际巡查时间; 空为现在")


BATCH = 200


class InspectionItem(InspectionPost):
    """离线批次中的一条巡查."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="UUIDv7, 手机生成; 重复提交同一条不会重复记录")
    asset_id: UUID
    inspected_at: AwareDatetime = Field(description="实际巡查时间")


class InspectionBatch(BaseModel):
    """一批巡查记录: each is judged by itself; a bad one does not hold up the others."""

    items: list[dict[str, Any]] = Field(min_length=1, max_length=BATCH, description="每项为一条巡查记录")


class InspectionTaken(BaseModel):
    """一条记录的结果."""

    id: str
    taken: Taken
    verdict: Standing | None = Field(None, description="在不在资产坐落处")
    words: str
    errors: list[FaultRead] = []


class InspectionsTaken(BaseModel):
    """一批记录的结果, 与提交的顺序相同."""

    items: list[InspectionTaken]


class InspectionRead(BaseModel):
    """一次巡查."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    condition: Condition
    use_seen: UseState | None
    findings: str
    photos: list[str]
    fix: dict[str, Any] | None = Field(description="原始定位")
    lon: float | None = Field(description="WGS-84")
    lat: float | None = Field(description="WGS-84")
    verdict: Standing | None = Field(description="在不在资产坐落处; 空为没有定位或资产没有坐标")
    distance_m: float | None = Field(description="到资产范围的距离, 米; 范围内为 0")
    margin_m: float | None = Field(description="定位误差圈离边界的距离, 米; 负数为跨界")
    inspected_at: datetime
    inspector: str
    created_at: datetime
