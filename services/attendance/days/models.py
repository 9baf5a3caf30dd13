"""Tables of attendance days and of open recalculations."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.days.schemas import DayResult
from shared.db import JSON, Record, text_enum


class AttendanceDay(Base, Record, table=True):
    """一人一天. `halves` are half days that count as stationed, `leave_halves` half days of leave.

    A signed day is frozen; a different result from later data is stored in `after_signature` and changes nothing.
    """

    __tablename__ = "attendance_day"
    __table_args__ = (
        sa.UniqueConstraint("person", "work_date"),
        sa.Index(None, "month", "region", "person"),
        sa.Index(None, "region", "work_date", "id"),
        sa.Index(None, "provisional", "work_date"),
        sa.Index(None, "group_id", "work_date"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    work_date: date
    month: str = Field(max_length=7)
    post_id: UUID | None = None
    team_id: UUID | None = None
    group_id: UUID | None = None
    result: DayResult = Field(sa_type=text_enum(DayResult))
    halves: int = 0
    leave_halves: int = 0
    works: bool = True
    provisional: bool = True
    words: str = Field(default="", sa_type=sa.Text)
    rule_refs: list[str] = Field(default_factory=list, sa_type=JSON)
    frozen: bool = False
    after_signature: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Recalculation(Base, table=True):
    """重新认定: days of a region still to recalculate after a rule change, from `on_day` back to `first`."""

    __tablename__ = "recount"

    region: str = Field(primary_key=True, max_length=12)
    first: date
    on_day: date
    after_person: str = Field(default="", max_length=64)
    asked_at: datetime
