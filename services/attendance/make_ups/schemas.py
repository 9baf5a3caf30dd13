"""Requests and responses of make-up requests."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.fields import Day, Person
from services.attendance.leaves.schemas import DayPart
from services.attendance.make_ups.lifecycle import MakeUpState
from shared.lifecycle.transitions import AvailableAction
from shared.request_body import RequestBody


class MakeUpCreate(RequestBody):
    """补卡申请."""

    id: UUID | None = None
    on: Day = Field(description="补哪一天")
    part: DayPart = DayPart.DAY
    why: str = Field(min_length=2, max_length=1000, description="漏打的原因")
    witness: Person = Field(description="证明人的账号编号: 村干部或同队队员")


class MakeUpRead(BaseModel):
    """补卡."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    starts_on: date = Field(serialization_alias="on")
    part: DayPart
    why: str
    witness: str
    witnessed_at: datetime | None
    approved_by: str
    state: MakeUpState
    state_since: datetime
    version: int


class MakeUpDetail(MakeUpRead):
    """补卡与可办事项."""

    available_actions: list[AvailableAction]
