"""Table of reviews, one per person and day."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.reviews.lifecycle import ReviewState
from shared.db import JSON, Record, text_enum


class Review(Base, Record, table=True):
    """一人一天的复核. `oddities`: [{kind, words, check_ins, rule}]."""

    __tablename__ = "review"
    __table_args__ = (
        sa.UniqueConstraint("person", "work_date"),
        sa.Index(None, "region", "work_date", "id"),
        sa.Index(None, "state", "region", "work_date", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    work_date: date
    oddities: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    state: ReviewState = Field(sa_type=text_enum(ReviewState))
    state_since: datetime
    decided_by: str = Field(default="", max_length=64)
    reason: str = Field(default="", sa_type=sa.Text)
