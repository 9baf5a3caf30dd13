"""Requests and responses of month and year sheets."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.complaints.schemas import AttendanceObjectionRead
from services.attendance.days.schemas import DayRead
from services.attendance.fields import Month, Region
from services.attendance.months.lifecycle import SheetState
from shared.lifecycle.transitions import AvailableAction, TransitionRequest

GroupBy = Literal["person", "team", "group", "village", "town"]


class MonthTally(BaseModel):
    """一行: days counted by what they were. Half days as .5."""

    model_config = ConfigDict(from_attributes=True)

    key: str = Field(description="账号、工作队、考勤组、村或镇的编号")
    name: str = Field("", description="姓名、队名, 按村镇时为区划名称, 已并入别处的注明今属")
    region: str = ""
    team_id: UUID | None = None
    persons: int
    stationed: float = Field(description="计入驻村的天数, 含公出")
    present: int
    part: int
    errand: int
    leave: float
    rest: int
    pending: int
    unexplained: int
    absent: int
    workdays: int = Field(description="应在岗的工作日")
    provisional: int = Field(description="暂定的天数")
    after_signature: int = Field(description="签字后出现材料的天数")
    least_days: int | None = Field(
        None, description="规则要求的天数; 只对个人. 按工作日计的, 不超过当期工作日"
    )
    met: bool | None = Field(None, description="是否达到; 只对个人")
    year_stationed: float | None = Field(None, description="按年考核的: 本年到当月计入驻村的天数")
    year_least_days: int | None = Field(None, description="按年考核的: 全年要求的天数")


class HeldDay(BaseModel):
    """签字前还要等的一天."""

    person: str
    person_name: str
    work_date: date
    words: str = Field(description="为什么是暂定的")


class MonthRead(BaseModel):
    """月表或年表."""

    region: str
    period: str
    by: GroupBy
    rule_ref: str
    state: SheetState
    signed_by: str = ""
    signed_name: str = ""
    signed_at: datetime | None = None
    rows: list[MonthTally]
    total: MonthTally
    held_by: list[HeldDay] = Field([], description="未签的月表: 还不能签字的人与日期, 最多 200 项")


class SheetSign(TransitionRequest):
    """签字或撤销签字: a village's or a town's month."""

    region: Region
    month: Month


class SheetRead(BaseModel):
    """已签的月表."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    month: str
    state: SheetState
    state_since: datetime
    signed_by: str
    signed_name: str
    digest: str = Field(description="签字时月表、月统计与实事清单的 SHA-256")
    version: int


class SheetDetail(SheetRead):
    """已签的月表, 各行与可办事项."""

    rows: list[MonthTally]
    available_actions: list[AvailableAction]


class OwnDay(DayRead):
    """本人的一天, 连同复核与异议."""

    review: str = Field("", description="复核状态与依据, 一句话")
    objections: list[AttendanceObjectionRead] = Field(description="本人对这一天的异议与答复")
    may_object: bool = Field(description="现在可以提出异议")


class OwnMonth(BaseModel):
    """本人的月表."""

    person: str
    month: str
    region: str
    rule_ref: str
    state: SheetState = Field(description="是否已签字")
    signed_by: str
    tally: MonthTally | None = Field(description="各项天数; 空为当月还没有在岗日")
    days: list[OwnDay]
    to_come: int = Field(description="当月还没到的工作日")
