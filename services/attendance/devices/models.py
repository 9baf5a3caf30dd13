"""The table of phones."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.devices.lifecycle import DeviceState
from shared.db import Record, text_enum


class Device(Base, Record, table=True):
    """常用手机."""

    __tablename__ = "device"
    __table_args__ = (
        sa.UniqueConstraint("person", "device"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "person", "created_at", "id"),
    )

    person: str = Field(max_length=64)
    device: str = Field(max_length=64)
    state: DeviceState = Field(sa_type=text_enum(DeviceState))
    state_since: datetime
