"""Schemas of repair tickets."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.repairs.lifecycle import RepairState
from shared.china import LabelledEnum, Money, Phone
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class RepairSource(LabelledEnum):
    """报修来源."""

    SCAN = "scan", "扫码报修"
    INSPECTION = "inspection", "巡查发现"
    KEEPER = "keeper", "管护人员上报"


MAX_TEXT_LENGTH = 1000
"""Maximum characters of a report."""


class RepairPost(RequestBody):
    """报修."""

    id: UUID | None = None
    text: str = Field(min_length=2, max_length=MAX_TEXT_LENGTH, description="哪里坏了")
    photos: list[UUID] = Field([], max_length=6, description="照片的文件编号")
    contact: Phone | None = Field(None, description="联系电话, 可不填; 加密保存")


class RepairStatusRead(BaseModel):
    """报修已收到: status for the reporter, who can query it again by id."""

    id: UUID
    state: RepairState
    state_label: str
    asset_name: str
    due_on: date | None = Field(description="维修期限")
    result: str = Field(description="办理结果")


class PhotoRead(BaseModel):
    """照片已收到; 报修时带上编号."""

    id: UUID


class RepairRead(BaseModel):
    """报修单."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    source: RepairSource
    inspection_id: UUID | None
    text: str
    photos: list[str]
    photo_remarks: list[str] = Field(description="照片存疑: 日期、地点与记录不符, 或以前用过")
    contact_masked: str
    state: RepairState
    state_since: datetime
    person: str
    due_on: date | None
    cost: Money | None
    cost_source: str
    finished_on: date | None
    after_photos: list[str]
    result: str
    created_at: datetime


class RepairDetail(RepairRead):
    """报修单和可办事项."""

    available_actions: list[AvailableAction]


class RepairTransitionRequest(TransitionRequest):
    """办理报修."""

    person: str = Field("", max_length=100, description="维修责任人")
    due_on: date | None = Field(None, description="维修期限")
    cost: Money | None = Field(None, description="维修费用, 没有填 0")
    cost_source: str = Field("", max_length=200, description="费用来源")
    photos: list[UUID] = Field([], max_length=20, description="完工照片")
    result: str = Field("", max_length=2000, description="办理结果")
