"""Table of errands."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.errands.lifecycle import ErrandState
from services.attendance.policy import ErrandKind
from shared.db import Record, text_enum


class Errand(Base, Record, table=True):
    """公出报备. `acknowledged_by` is kept after the return, because it decides whether the days count."""

    __tablename__ = "errand"
    __table_args__ = (
        sa.Index(None, "region", "starts_on", "id"),
        sa.Index(None, "person", "starts_on", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    kind: ErrandKind = Field(sa_type=text_enum(ErrandKind))
    starts_on: date
    ends_on: date
    place: str = Field(max_length=200)
    why: str = Field(max_length=1000)
    reported_at: datetime
    state: ErrandState = Field(sa_type=text_enum(ErrandState))
    state_since: datetime
    acknowledged_by: str = Field(default="", max_length=64)
    returned_on: date | None = None
