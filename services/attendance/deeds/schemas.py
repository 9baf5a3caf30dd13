"""What goes in and out about deeds and trainings."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.deeds.kinds import DeedKind, TrainingKind
from services.attendance.fields import Day
from shared.money import Money


class DeedCreate(BaseModel):
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
    def _dated(self) -> Self:
        if self.done_on is not None and (not self.done or self.done_on < self.happened_on):
            raise ValueError("办结日期须在发生日期之后, 且已办结")
        return self


class DeedChange(BaseModel):
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


class TrainingCreate(BaseModel):
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
