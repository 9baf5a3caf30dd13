"""Table of complaints, and of objections to days."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.complaints.lifecycle import ComplaintState
from shared.db import JSON, Record, text_enum


class Complaint(Base, Record, table=True):
    """投诉. May be anonymous; the contact is encrypted. A row with `day_id` is a cadre's objection to a day."""

    __tablename__ = "complaint"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "person", "work_date"),
    )

    text: str = Field(sa_type=sa.Text)
    person: str = Field(default="", max_length=64)
    person_name: str = Field(default="", max_length=50)
    day_id: UUID | None = Field(default=None, foreign_key="attendance_day.id")
    work_date: date | None = None
    files: list[str] = Field(default_factory=list, sa_type=JSON)
    contact_sealed: str = Field(default="", sa_type=sa.Text)
    state: ComplaintState = Field(sa_type=text_enum(ComplaintState))
    state_since: datetime
    answer: str = Field(default="", sa_type=sa.Text)
    answered_by: str = Field(default="", max_length=64)
