"""Requests, responses and code sets of reviews."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.attendance.check_ins.schemas import CheckInRead, Kind
from services.attendance.fields import Person
from services.attendance.reviews.lifecycle import ReviewState
from shared.china import LabelledEnum
from shared.lifecycle.transitions import AvailableAction
from shared.request_body import RequestBody


class AnomalyKind(LabelledEnum):
    """疑点: for a person to look at; nobody is punished by a machine."""

    MOCK = "mock", "手机报告为模拟定位"
    CLOCK = "clock", "手机时间与服务器相差较大"
    PRECISE = "precise", "定位精度不合常理"
    SAME_PLACE = "same_place", "多日坐标完全相同"
    SPEED = "speed", "两次打卡之间的速度不可能"
    SHARED_DEVICE = "shared_device", "一部手机为多人打卡"
    SAME_SECOND = "same_second", "多日在同一秒打卡"
    NEW_DEVICE = "new_device", "不是常用手机"
    UNSETTLED = "unsettled", "证据不足以认定"


class ReviewRead(BaseModel):
    """复核: what is odd about a person's day."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    work_date: date
    oddities: list[dict[str, Any]] = Field(description="疑点: kind, words, check_ins, rule")
    state: ReviewState
    state_since: datetime
    decided_by: str
    reason: str
    version: int


class ReviewDetail(ReviewRead):
    """复核, 当天的打卡记录, 可办事项."""

    check_ins: list[CheckInRead]
    available_actions: list[AvailableAction]


class Correction(RequestBody):
    """管理员更正: a check-in recorded for somebody, visible as such (来源 BOSS)."""

    id: UUID | None = None
    person: Person
    kind: Kind = Kind.ON_DUTY
    taken_at: AwareDatetime = Field(description="实际在岗的时间")
    reason: str = Field(min_length=2, max_length=500, description="依据")
