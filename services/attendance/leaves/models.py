"""Tables of leaves and of delegated approval steps."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.schemas import DayPart
from services.attendance.policy import Approver, LeaveKind
from shared.db import JSON, Record, text_enum


class Leave(Base, Record, table=True):
    """请假. Its region is the post's; `halves` counts half days; `steps` are the approvals so far, in order."""

    __tablename__ = "leave_request"
    __table_args__ = (
        sa.Index(None, "region", "starts_on", "id"),
        sa.Index(None, "person", "starts_on", "id"),
        sa.Index(None, "state", "region", "starts_on", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    kind: LeaveKind = Field(sa_type=text_enum(LeaveKind))
    starts_on: date
    ends_on: date
    part: DayPart = Field(sa_type=text_enum(DayPart))
    halves: int
    why: str = Field(max_length=1000)
    files: list[str] = Field(default_factory=list, sa_type=JSON)
    chain: list[str] = Field(sa_type=JSON)
    step: int = 0
    turn: Approver = Field(sa_type=text_enum(Approver))
    steps: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    tell: list[str] = Field(default_factory=list, sa_type=JSON)
    rule_ref: str = Field(max_length=100)
    state: LeaveState = Field(sa_type=text_enum(LeaveState))
    state_since: datetime
    endorsed_by: str = Field(default="", max_length=64)
    returned_on: date | None = None


class Delegation(Base, Record, table=True):
    """审批委托: a deputy takes one approval step for a period. Its region is the area of that step."""

    __tablename__ = "delegation"
    __table_args__ = (sa.Index(None, "deputy", "ends_on"), sa.Index(None, "region", "starts_on", "id"))

    approver: str = Field(max_length=64)
    deputy: str = Field(max_length=64)
    step: Approver = Field(sa_type=text_enum(Approver))
    starts_on: date
    ends_on: date
