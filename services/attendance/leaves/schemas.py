"""Requests, responses and code sets of leaves and delegations."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.fields import Day, Person, Region
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.policy import Approver, LeaveKind
from shared.china import LabelledEnum
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class DayPart(LabelledEnum):
    """一天里的哪一段."""

    DAY = "day", "全天"
    MORNING = "morning", "上午"
    EVENING = "evening", "下午或晚上"


class LeaveCreate(RequestBody):
    """请假申请, 书面."""

    id: UUID | None = None
    kind: LeaveKind
    starts_on: Day
    ends_on: Day
    part: DayPart = Field(DayPart.DAY, description="半天只能用于单日")
    why: str = Field(min_length=2, max_length=1000, description="事由")
    files: list[str] = Field(default=[], max_length=10, description="证明材料的文件编号, 可不带")

    @model_validator(mode="after")
    def _check_part(self) -> Self:
        if self.part is not DayPart.DAY and self.ends_on != self.starts_on:
            raise ValueError("半天假只能请一天")
        return self


class LeaveAct(TransitionRequest):
    """办理请假."""

    returned_on: Day | None = Field(None, description="返岗日期, 销假时必填")


class LeaveRead(BaseModel):
    """请假."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    kind: LeaveKind
    starts_on: date
    ends_on: date
    part: DayPart
    halves: int = Field(description="天数的两倍")
    why: str
    files: list[str]
    chain: list[Approver] = Field(description="须经的审批, 按次序")
    step: int
    steps: list[dict[str, Any]] = Field(description="已经的审批")
    tell: list[str] = Field(description="须同时报备")
    rule_ref: str
    state: LeaveState
    state_since: datetime
    returned_on: date | None
    version: int


class LeaveDetail(LeaveRead):
    """请假, 提示与可办事项."""

    warnings: list[str]
    available_actions: list[AvailableAction]


class DelegationCreate(RequestBody):
    """委托他人审批."""

    id: UUID | None = None
    deputy: Person
    step: Approver
    region: Region
    starts_on: Day
    ends_on: Day


class DelegationEnd(RequestBody):
    """收回委托."""

    ends_on: Day = Field(description="委托的最后一天")


class DelegationRead(BaseModel):
    """审批委托."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    approver: str
    deputy: str
    step: Approver
    region: str
    starts_on: date
    ends_on: date
    version: int
