"""Tables of duty shifts and of their swaps."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.duties.lifecycle import SwapState
from services.attendance.duties.schemas import DutyKind, DutyState
from shared.db import Record, text_enum


class Duty(Base, Record, table=True):
    """值班班次. A shift across midnight belongs to the day on which it begins."""

    __tablename__ = "duty"
    __table_args__ = (
        sa.Index(None, "region", "work_date", "id"),
        sa.Index(None, "person", "work_date", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    post_id: UUID = Field(foreign_key="post.id")
    work_date: date
    starts_at: datetime
    ends_at: datetime
    kind: DutyKind = Field(sa_type=text_enum(DutyKind))
    state: DutyState = Field(sa_type=text_enum(DutyState))
    kept_by: str = Field(default="", max_length=64)


class DutySwap(Base, Record, table=True):
    """换班. `other_duty_id` is the partner's shift that the asker takes; None if the partner only stands in (替班)."""

    __tablename__ = "duty_swap"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "person", "created_at", "id"),
        sa.Index(None, "partner", "created_at", "id"),
    )

    duty_id: UUID = Field(foreign_key="duty.id")
    other_duty_id: UUID | None = Field(default=None, foreign_key="duty.id")
    person: str = Field(max_length=64)
    person_name: str = Field(max_length=50)
    partner: str = Field(max_length=64)
    partner_name: str = Field(max_length=50)
    why: str = Field(max_length=500)
    state: SwapState = Field(sa_type=text_enum(SwapState))
    state_since: datetime
