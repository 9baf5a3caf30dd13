"""What goes in and out about duty shifts."""

from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.attendance.duties.kinds import DutyKind, DutyState
from services.attendance.fields import FIRST_DAY, LAST_DAY, Person, PersonName
from shared.labels import Labelled

LONGEST = timedelta(hours=36)


class Shift(BaseModel):
    """一个班次; it may end on the next day."""

    id: UUID | None = None
    person: Person
    person_name: PersonName
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    kind: DutyKind

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta() < self.ends_at - self.starts_at <= LONGEST:
            raise ValueError("班次的结束须晚于开始, 且不超过36小时")
        if not FIRST_DAY < self.starts_at.date() < LAST_DAY:
            raise ValueError(f"日期须在 {FIRST_DAY} 至 {LAST_DAY} 之间")
        return self


class Rota(BaseModel):
    """排班: the shifts of a post, several at once."""

    post_id: UUID
    shifts: list[Shift] = Field(min_length=1, max_length=200)


class DutyEnd(Labelled):
    """值班办理事项."""

    KEEP = "keep", "确认已值班"
    CANCEL = "cancel", "取消班次"


class DutyAct(BaseModel):
    """办理值班."""

    reason: str = Field("", max_length=500)


class DutyRead(BaseModel):
    """班次."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    post_id: UUID
    region: str
    work_date: date
    starts_at: datetime
    ends_at: datetime
    kind: DutyKind
    state: DutyState
    version: int


class CalendarDay(BaseModel):
    """日历上的一天."""

    on: date
    kind: str
    label: str
    name: str
    works: bool
    provisional: bool = Field(description="国务院办公厅的放假通知尚未公布, 暂按周一至周五")
