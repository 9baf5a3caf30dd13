"""What services/sync puts into the first answer of a phone's day."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.attendance.groups.schemas import GroupTerms
from services.attendance.policy import CheckInLimits, CheckInSwitches
from shared.china.workdays import DayKind


class FieldPostRead(BaseModel):
    """一个派驻点和它的围栏 (WGS-84), for the days of the assignment."""

    id: UUID
    name: str
    region: str
    fences: list[dict[str, Any]]
    starts_on: date
    ends_on: date | None


class FieldRulesRead(BaseModel):
    """从某天起有效的开关和界限."""

    since: date
    switches: CheckInSwitches
    limits: CheckInLimits


class FieldGroupRead(BaseModel):
    """本人的考勤组, for the days of the membership."""

    id: UUID
    name: str
    starts_on: date
    ends_on: date | None
    terms: list[GroupTerms] = Field(description="each holds from its `since` until the next")


class CalendarDayRead(BaseModel):
    """与普通周历不同的一天."""

    on: date
    kind: DayKind
    name: str


class FieldDaysRead(BaseModel):
    """今天和以后几天的派驻点、开关、界限, 全年的节假日与调休."""

    posts: list[FieldPostRead]
    groups: list[FieldGroupRead]
    rules: list[FieldRulesRead] = Field(description="each holds until the next; the first is in force today")
    calendar: list[CalendarDayRead]
    provisional: bool = Field(description="国务院办公厅尚未公布今年的安排")
