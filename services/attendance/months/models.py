"""Table of month sheets."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.months.lifecycle import SheetState
from shared.db import JSON, Record, text_enum


class MonthSheet(Base, Record, table=True):
    """月表: one village or town and month. `rows` is the sheet as signed, `digest` its SHA-256.

    `statistics` and `deeds` are the monthly statistics (月统计) and its list of deeds as signed.
    """

    __tablename__ = "month_sheet"
    __table_args__ = (
        sa.UniqueConstraint("region", "month"),
        sa.Index(None, "month", "region", "id"),
    )

    month: str = Field(max_length=7)
    state: SheetState = Field(sa_type=text_enum(SheetState))
    state_since: datetime
    signed_by: str = Field(default="", max_length=64)
    signed_name: str = Field(default="", max_length=50)
    rows: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    digest: str = Field(default="", max_length=64)
    statistics: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    deeds: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
