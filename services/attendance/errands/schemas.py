"""Requests and responses of errands."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.errands.lifecycle import ErrandState
from services.attendance.fields import Day
from services.attendance.policy import ErrandKind
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class ErrandCreate(RequestBody):
    """公出报备: 离村前向乡镇报备."""

    id: UUID | None = None
    kind: ErrandKind
    starts_on: Day
    ends_on: Day
    place: str = Field(min_length=2, max_length=200, description="去向")
    why: str = Field(min_length=2, max_length=1000, description="事由")


class ErrandAct(TransitionRequest):
    """办理公出."""

    returned_on: Day | None = Field(None, description="返村日期, 登记返村时必填")


class ErrandRead(BaseModel):
    """公出."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    kind: ErrandKind
    starts_on: date
    ends_on: date
    place: str
    why: str
    reported_at: datetime
    state: ErrandState
    state_since: datetime
    acknowledged_by: str
    returned_on: date | None
    version: int


class ErrandDetail(ErrandRead):
    """公出与可办事项."""

    available_actions: list[AvailableAction]
