"""What goes in and out about reviews and corrections."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.attendance.check_ins.schemas import CheckInRead, Kind
from services.attendance.fields import Person
from services.attendance.reviews.lifecycle import ReviewState
from shared.moves import Offer


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
    available_actions: list[Offer]


class Correction(BaseModel):
    """管理员更正: a check-in recorded for somebody, visible as such (来源 BOSS)."""

    id: UUID | None = None
    person: Person
    kind: Kind = Kind.ON_DUTY
    taken_at: AwareDatetime = Field(description="实际在岗的时间")
    reason: str = Field(min_length=2, max_length=500, description="依据")
