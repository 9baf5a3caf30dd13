"""Requests, responses and code sets of duty shifts, the calendar and swaps."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.attendance.duties.lifecycle import SwapState
from services.attendance.fields import FIRST_DAY, LAST_DAY, Day, Person, PersonName
from shared.china import LabelledEnum
from shared.lifecycle.transitions import AvailableAction
from shared.request_body import RequestBody


class DutyKind(LabelledEnum):
    """班次."""

    DAY = "day", "白班"
    NIGHT = "night", "夜班"


class DutyState(LabelledEnum):
    """值班状态."""

    SET = "set", "已排班"
    KEPT = "kept", "已值班"
    CANCELLED = "cancelled", "已取消"


MAX_SHIFT_LENGTH = timedelta(hours=36)


class Shift(RequestBody):
    """一个班次; it may end on the next day."""

    id: UUID | None = None
    person: Person
    person_name: PersonName
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    kind: DutyKind

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not timedelta() < self.ends_at - self.starts_at <= MAX_SHIFT_LENGTH:
            raise ValueError("班次的结束须晚于开始, 且不超过36小时")
        if not FIRST_DAY < self.starts_at.date() < LAST_DAY:
            raise ValueError(f"日期须在 {FIRST_DAY} 至 {LAST_DAY} 之间")
        return self


class Rota(RequestBody):
    """排班: the shifts of a post, several at once."""

    post_id: UUID
    shifts: list[Shift] = Field(min_length=1, max_length=200)


MAX_ROTA_SHIFTS = 200
ShiftName = Annotated[str, Field(min_length=1, max_length=20)]


class CycleShift(RequestBody):
    """轮班中的一个班次: one that ends at or before its start ends on the next day."""

    kind: DutyKind
    starts_at: time = Field(description="开始, 当地时间")
    ends_at: time = Field(description="结束, 当地时间; 不晚于开始的为次日")


class CyclePerson(RequestBody):
    """轮班的一个人."""

    person: Person
    person_name: PersonName


class RotaCycle(RequestBody):
    """轮班: named shifts that repeat, such as 白班, 夜班, 休, 休; each next person begins `stagger` days later in the cycle."""

    post_id: UUID
    starts_on: Day
    ends_on: Day
    shifts: dict[ShiftName, CycleShift] = Field(min_length=1, max_length=10, description="班次名 → 起止")
    cycle: list[ShiftName] = Field(
        min_length=1, max_length=60, description="一轮逐日的班次名; 不在 shifts 中的(如 休)不排班"
    )
    persons: list[CyclePerson] = Field(min_length=1, max_length=50)
    stagger: int = Field(1, ge=0, le=60, description="后一人比前一人晚几天进入轮次")
    dry_run: bool = Field(False, description="只看排班结果, 不保存")

    @model_validator(mode="after")
    def _check_cycle(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("结束日期须不早于开始日期")
        if not FIRST_DAY < self.starts_on <= self.ends_on < LAST_DAY:
            raise ValueError(f"日期须在 {FIRST_DAY} 至 {LAST_DAY} 之间")
        if not set(self.cycle) & self.shifts.keys():
            raise ValueError("轮次中没有一个已写明起止的班次")
        days = (self.ends_on - self.starts_on).days + 1
        if days * len(self.persons) > MAX_ROTA_SHIFTS:
            raise ValueError(f"一次最多排 {MAX_ROTA_SHIFTS} 个人日, 请分段")
        return self


class CycleShiftRead(BaseModel):
    """轮班排出的一个班次."""

    model_config = ConfigDict(from_attributes=True)

    person: str
    person_name: str
    starts_at: datetime
    ends_at: datetime
    kind: DutyKind


class LeftOutShift(BaseModel):
    """轮到而没有排的班次, and why."""

    person: str
    on: date
    why: str


class CycleAnswer(BaseModel):
    """轮班的结果; after a dry run nothing of it is stored."""

    shifts: list[CycleShiftRead]
    left_out: list[LeftOutShift]


class DutyEnd(LabelledEnum):
    """值班办理事项."""

    KEEP = "keep", "确认已值班"
    CANCEL = "cancel", "取消班次"


class DutyAct(RequestBody):
    """办理值班."""

    reason: str = Field("", max_length=500)


class DutyShiftRead(BaseModel):
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


class SwapCreate(RequestBody):
    """换班申请: 本人的班次, 换对方的班次; 或请对方替班."""

    id: UUID | None = None
    duty_id: UUID = Field(description="本人的班次")
    other_duty_id: UUID | None = Field(None, description="对方的班次; 空为请对方替班")
    partner: Person | None = Field(None, description="替班人的账号编号; 换班时不填")
    partner_name: PersonName | None = Field(None, description="替班人的姓名; 换班时不填")
    why: str = Field(min_length=2, max_length=500, description="事由")

    @model_validator(mode="after")
    def _check_partner(self) -> Self:
        if self.other_duty_id is None and not (self.partner and self.partner_name):
            raise ValueError("须写明对方的班次, 或替班人的账号编号与姓名")
        if self.other_duty_id == self.duty_id:
            raise ValueError("不能与同一个班次换")
        return self


class SwapRead(BaseModel):
    """换班."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    duty_id: UUID
    other_duty_id: UUID | None
    person: str
    person_name: str
    partner: str
    partner_name: str
    region: str
    why: str
    state: SwapState
    state_since: datetime
    version: int


class SwapDetail(SwapRead):
    """换班与可办事项."""

    available_actions: list[AvailableAction]
