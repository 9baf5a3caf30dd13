"""Tables of attendance groups and their members."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from shared.db import JSON, Record


class AttendanceGroup(Base, Record, table=True):
    """考勤组. `terms` are GroupTerms, the oldest first; each holds from its `since` until the next."""

    __tablename__ = "attendance_group"
    __table_args__ = (sa.UniqueConstraint("region", "name"), sa.Index(None, "region", "name", "id"))

    name: str = Field(max_length=100)
    posts: list[str] = Field(default_factory=list, sa_type=JSON)
    terms: list[dict[str, Any]] = Field(sa_type=JSON)
    closed_on: date | None = None


class GroupMember(Base, Record, table=True):
    """考勤组成员. Its region is the group's."""

    __tablename__ = "attendance_group_member"
    __table_args__ = (
        sa.Index(None, "group_id", "starts_on", "id"),
        sa.Index(None, "person", "starts_on"),
        sa.Index(None, "region", "starts_on", "id"),
    )

    group_id: UUID = Field(foreign_key="attendance_group.id")
    person: str = Field(max_length=64)
    person_name: str = Field(max_length=50)
    starts_on: date
    ends_on: date | None = None
