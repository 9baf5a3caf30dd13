"""Request and response schemas of progress reports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.projects.projects.schemas import Quantity
from shared.china import Fix
from shared.request_body import RequestBody


class PhotoWrite(RequestBody):
    """现场照片: an uploaded file with the place and time of the shot."""

    file_id: UUID
    fix: Fix | None = Field(None, description="拍摄地点, 须写明坐标系")
    taken_at: AwareDatetime | None = None


class ProgressCreate(RequestBody):
    """上报进度."""

    id: UUID | None = None
    physical_percent: int = Field(ge=0, le=100, description="累计形象进度, %")
    quantities: list[Quantity] = Field(default=[], max_length=50, description="累计完成工程量")
    photos: list[PhotoWrite] = Field(min_length=1, max_length=30)
    problems: str = Field("", max_length=4000, description="存在问题")
    reason: str = Field("", max_length=2000, description="进度比上次低时须说明")
    happened_at: AwareDatetime | None = Field(None, description="实际时间; 空为现在")


class ProgressRead(BaseModel):
    """进度报告."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    reported_on: date
    physical_percent: int
    quantities: list[Quantity]
    photos: list[dict[str, Any]] = Field(description="照片: 文件, WGS-84 位置, 原始定位, 拍摄时间")
    problems: str
    reason: str
    happened_at: datetime
    reported_at: datetime
    reported_by: str
