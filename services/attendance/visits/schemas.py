"""What goes in and out about visits."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.fields import Day
from services.attendance.visits.kinds import Purpose, VisitKind
from shared.places import Fix


class FollowUpCreate(BaseModel):
    """待办: what is to be done, until when."""

    text: str = Field(min_length=2, max_length=500)
    due_on: Day


class VisitCreate(BaseModel):
    """记录走访: once; monthly tables and the project's and asset's own pages read it from here."""

    id: UUID | None = None
    visited_on: Day
    kind: VisitKind
    purpose: Purpose
    household: str = Field("", max_length=50, description="户主姓名; 加密保存, 列表只显示姓")
    project_id: UUID | None = None
    asset_id: UUID | None = None
    findings: str = Field("", max_length=5000, description="走访情况与发现的问题")
    fix: Fix | None = Field(None, description="走访地点, 可不带")
    photos: list[str] = Field(default=[], max_length=20, description="照片的文件编号, 可不带")
    follow_ups: list[FollowUpCreate] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _names_its_object(self) -> Self:
        wanted = {
            VisitKind.HOUSEHOLD: self.household.strip(),
            VisitKind.PROJECT: self.project_id,
            VisitKind.ASSET: self.asset_id,
            VisitKind.OTHER: True,
        }
        if not wanted[self.kind]:
            raise ValueError(f"走访{self.kind.label}须写明对象")
        return self


class FollowUpRead(BaseModel):
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


class FollowUpDoneAct(BaseModel):
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
    purpose: Purpose
    household_masked: str
    project_id: UUID | None
    asset_id: UUID | None
    findings: str
    photos: list[str]
    created_at: datetime
    version: int


class VisitDetail(VisitRead):
    """走访及其待办."""

    follow_ups: list[FollowUpRead]
