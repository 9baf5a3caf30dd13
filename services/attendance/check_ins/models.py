"""Table of check-ins. A row is not changed after insert, except that old positions are made coarse."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.check_ins.schemas import CheckInSource, Kind, Result
from shared.china import FencePosition
from shared.db import JSON, Record, text_enum


class CheckIn(Base, Record, table=True):
    """打卡记录. The position is WGS-84, `fix` is what the phone sent; the region is the post's."""

    __tablename__ = "check_in"
    __table_args__ = (
        sa.Index("ix_check_in_person_taken_at_id", "person", "taken_at", "id"),
        sa.Index("ix_check_in_region_taken_at_id", "region", "taken_at", "id"),
        sa.Index("ix_check_in_result_region_taken_at_id", "result", "region", "taken_at", "id"),
        sa.Index("ix_check_in_device_taken_at", "device", "taken_at"),
        sa.Index(
            "ix_check_in_photo",
            "photo",
            sqlite_where=sa.literal_column("photo <> ''"),
            postgresql_where=sa.literal_column("photo <> ''"),
        ),
    )

    person: str = Field(max_length=64)
    sent_by: str = Field(max_length=64)
    kind: Kind = Field(sa_type=text_enum(Kind))
    source: CheckInSource = Field(sa_type=text_enum(CheckInSource))
    work_date: date
    taken_at: datetime
    phone_taken_at: datetime | None = None
    """What the phone's clock said, where `taken_at` was corrected by it."""
    fixed_at: datetime | None = None
    received_at: datetime
    post_id: UUID | None = None
    lon: float | None = None
    lat: float | None = None
    fix: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    accuracy_m: float | None = None
    coarse: bool = False
    mock: bool | None = None
    device: str = Field(default="", max_length=64)
    verdict: FencePosition | None = Field(default=None, sa_type=text_enum(FencePosition))
    distance_m: float | None = None
    margin_m: float | None = None
    flags: list[str] = Field(default_factory=list, sa_type=JSON)
    result: Result = Field(sa_type=text_enum(Result))
    rule_version: str = Field(default="", max_length=100)
    remark: str = Field(default="", max_length=500)
    photo: str = Field(default="", max_length=64)
