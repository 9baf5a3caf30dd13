"""The table of complaints."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.complaints.lifecycle import ComplaintState
from shared.db import Record, text_enum


class Complaint(Base, Record, table=True):
    """投诉. Nobody has to say who they are; a contact is encrypted."""

    __tablename__ = "complaint"
    __table_args__ = (sa.Index(None, "region", "created_at", "id"),)

    text: str = Field(sa_type=sa.Text)
    contact_sealed: str = Field(default="", sa_type=sa.Text)
    state: ComplaintState = Field(sa_type=text_enum(ComplaintState))
    state_since: datetime
    answer: str = Field(default="", sa_type=sa.Text)
    answered_by: str = Field(default="", max_length=64)
