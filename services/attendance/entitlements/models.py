"""Table of entitlements."""

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.policy import LeaveKind
from shared.db import Record, text_enum


class LeaveEntitlement(Base, Record, table=True):
    """年度假期天数: how many days of one kind a person may take in a year; it stands before the rule's quota."""

    __tablename__ = "leave_entitlement"
    __table_args__ = (
        sa.UniqueConstraint("person", "year", "kind"),
        sa.Index(None, "region", "year", "person", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    year: int
    kind: LeaveKind = Field(sa_type=text_enum(LeaveKind))
    days: int
    basis: str = Field(max_length=500)
