"""The table of swaps."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.swaps.lifecycle import SwapState
from shared.db import Record, text_enum


class DutySwap(Base, Record, table=True):
    """换班. `other_duty_id` is what the asker takes in return; empty where the other only stands in (替班)."""

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
