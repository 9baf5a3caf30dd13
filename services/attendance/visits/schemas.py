"""Requests, responses and code sets of visits, follow-ups, deeds and trainings."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.fields import Day
from shared.china import Fix, LabelledEnum, Money
from shared.http import PatchBody
from shared.request_body import RequestBody


class VisitKind(LabelledEnum):
    """走访对象."""

    HOUSEHOLD = "household", "农户"
    PROJECT = "project", "项目"
    ASSET = "asset", "资产"
    OTHER = "other", "其他"


class VisitPurpose(LabelledEnum):
    """走访目的."""

    MONITORING = "monitoring", "防返贫监测"
    CARE = "care", "慰问关怀"
    POLICY = "policy", "政策宣讲"
    DISPUTE = "dispute", "矛盾纠纷排查"
    INDUSTRY = "industry", "产业指导"
    PROJECT = "project", "项目进度与质量"
    ASSET = "asset", "资产管护"
    OTHER = "other", "其他"


class DeedKind(LabelledEnum):
    """实事类别."""

    URGENT = "urgent", "解决急难愁盼"
    DISPUTE = "dispute", "化解矛盾纠纷"
    PROJECT = "project", "协调项目资金"
    ENTERPRISE = "enterprise", "引进企业"
    JOBS = "jobs", "带动就业"
    CONSUMPTION = "consumption", "消费帮扶"
    LECTURE = "lecture", "政策宣讲"
    OTHER = "other", "其他实事"


class TrainingKind(LabelledEnum):
    """练兵比武."""

    TRAINING = "training", "岗位大练兵"
    CONTEST = "contest", "业务大比武"


class FollowUpCreate(RequestBody):
    """待办: what is to be done, until when."""

    text: str = Field(min_length=2, max_length=500)
    due_on: Day


class VisitCreate(RequestBody):
    """记录走访: once; monthly tables and the project's and asset's own pages read it from here."""

    id: UUID | None = None
    visited_on: Day
    kind: VisitKind
    purpose: VisitPurpose
    household: str = Field("", max_length=50, description="户主姓名; 加密保存, 列表只显示姓")
    project_id: UUID | None = None
    asset_id: UUID | None = None
    findings: str = Field("", max_length=5000, description="走访情况与发现的问题")
    fix: Fix | None = Field(None, description="走访地点, 可不带")
    photos: list[str] = Field(default=[], max_length=20, description="照片的文件编号, 可不带")
    follow_ups: list[FollowUpCreate] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _check_object(self) -> Self:
        objects = {
            VisitKind.HOUSEHOLD: self.household.strip(),
            VisitKind.PROJECT: self.project_id,
            VisitKind.ASSET: self.asset_id,
            VisitKind.OTHER: True,
        }
        if not objects[self.kind]:
            raise ValueError(f"走访{self.kind.label}须写明对象")
        return self


class VisitFollowUpRead(BaseModel):
    """待办."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    visit_id: UUID
    person: str
    region: str
    text: str
    due_on: date
    done_on: date | None
    result: str
    version: int


class FollowUpDoneAct(RequestBody):
    """办结待办."""

    done_on: Day
    result: str = Field(min_length=2, max_length=1000)


class VisitRead(BaseModel):
    """走访."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    visited_on: date
    kind: VisitKind
    purpose: VisitPurpose
    household_masked: str
    project_id: UUID | None
    asset_id: UUID | None
    findings: str
    photos: list[str]
    photo_remarks: list[str] = Field(description="照片存疑: 日期、地点与记录不符, 或以前用过")
    created_at: datetime
    version: int


class VisitDetail(VisitRead):
    """走访及其待办."""

    follow_ups: list[VisitFollowUpRead]
    place: dict[str, Any] | None = Field(description="走访时的定位; 只对本人与复核人员")


class DeedCreate(RequestBody):
    """记录实事."""

    id: UUID | None = None
    happened_on: Day
    kind: DeedKind
    content: str = Field(min_length=2, max_length=1000)
    beneficiaries: int = Field(0, ge=0, le=1_000_000, description="受益人数(带动就业为就业人数)")
    amount: Money = Field(0, description="资金, 元")
    done: bool = Field(False, description="是否办结")
    done_on: Day | None = None
    project_id: UUID | None = None
    visit_id: UUID | None = Field(None, description="由哪次走访而来")
    photos: list[str] = Field(default=[], max_length=20, description="佐证的文件编号")

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.done_on is not None and (not self.done or self.done_on < self.happened_on):
            raise ValueError("办结日期须在发生日期之后, 且已办结")
        return self


class DeedChange(PatchBody):
    """补充或办结; absent fields stay."""

    content: str | None = Field(None, min_length=2, max_length=1000)
    beneficiaries: int | None = Field(None, ge=0, le=1_000_000)
    amount: Money | None = None
    done_on: Day | None = Field(None, description="填写即办结")
    photos: list[str] | None = Field(None, max_length=20)


class DeedRead(BaseModel):
    """实事."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    happened_on: date
    kind: DeedKind
    content: str
    beneficiaries: int
    amount: Money
    done: bool
    done_on: date | None
    project_id: UUID | None
    visit_id: UUID | None
    photos: list[str]
    created_at: datetime
    version: int


class TrainingCreate(RequestBody):
    """记录练兵或比武."""

    id: UUID | None = None
    held_on: Day
    kind: TrainingKind
    title: str = Field(min_length=2, max_length=200)
    organiser: str = Field("", max_length=200)
    minutes: int = Field(0, ge=0, le=100_000, description="时长, 分钟")
    result: str = Field("", max_length=100, description="成绩或等次, 本人如实填写")
    photos: list[str] = Field(default=[], max_length=20)


class TrainingRead(BaseModel):
    """练兵比武记录."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    held_on: date
    kind: TrainingKind
    title: str
    organiser: str
    minutes: int
    result: str
    photos: list[str]
    version: int
