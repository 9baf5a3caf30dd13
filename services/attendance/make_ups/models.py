"""Table of make-up requests."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.leaves.schemas import DayPart
from services.attendance.make_ups.lifecycle import MakeUpState
from shared.db import Record, text_enum


class MakeUp(Base, Record, table=True):
    """补卡."""

    __tablename__ = "make_up"
    __table_args__ = (
        sa.Index(None, "region", "starts_on", "id"),
        sa.Index(None, "person", "starts_on", "id"),
        sa.Index(None, "witness", "starts_on"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    starts_on: date
    part: DayPart = Field(sa_type=text_enum(DayPart))
    why: str = Field(max_length=1000)
    witness: str = Field(max_length=64)
    witnessed_at: datetime | None = None
    approved_by: str = Field(default="", max_length=64)
    state: MakeUpState = Field(sa_type=text_enum(MakeUpState))
    state_since: datetime
