"""Request and response bodies of work plans."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.china import RegionCode
from shared.request_body import RequestBody

UnitName = Annotated[str, StringConstraints(min_length=2, max_length=60)]


class PlanItemWrite(RequestBody):
    """要点的一项任务. `units[0]` is the lead unit, as the document names them in brackets."""

    number: int = Field(ge=1, le=200, description="项号")
    section: str = Field(min_length=2, max_length=100, description="所在部分")
    title: str = Field(min_length=2, max_length=100, description="任务名称")
    text: str = Field(min_length=2, max_length=6000, description="任务内容")
    units: list[UnitName] = Field(min_length=1, max_length=40, description="责任单位, 第一个为牵头单位")


class WorkPlanCreate(RequestBody):
    """登记一年的工作要点."""

    id: UUID | None = None
    region: RegionCode
    year: int = Field(ge=2012, le=2100, description="年度")
    title: str = Field(min_length=4, max_length=200, description="文件标题")
    document_no: str = Field("", max_length=80, description="文号")
    issued_on: date = Field(description="印发日期")
    items: list[PlanItemWrite] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _require_own_numbers(self) -> "WorkPlanCreate":
        numbers = [item.number for item in self.items]
        if len(set(numbers)) < len(numbers):
            raise ValueError("项号重复")
        return self


class WorkPlanRead(BaseModel):
    """一年的工作要点."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    year: int
    title: str
    document_no: str
    issued_on: date
    created_at: datetime


class PlanItemRead(BaseModel):
    """要点的一项任务."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    plan_id: UUID
    number: int
    section: str
    title: str
    text: str
    units: list[str]


class WorkPlanDetail(WorkPlanRead):
    """一年的工作要点和各项任务."""

    items: list[PlanItemRead]
