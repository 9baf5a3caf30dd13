"""The table of channels."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.channels.kinds import PullState
from services.attendance.imports.kinds import Channel
from shared.db import Record, text_enum


class PullChannel(Base, Record, table=True):
    """考勤接口. The secret is sealed; `attempts` only grows and fences a pull whose process is believed dead; `failures` are in a row."""

    __tablename__ = "pull_channel"
    __table_args__ = (
        sa.UniqueConstraint("channel", "region"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "due_at"),
    )

    channel: Channel = Field(sa_type=text_enum(Channel))
    app_key: str = Field(max_length=200)
    secret_sealed: str = Field(sa_type=sa.Text)
    secret_masked: str = Field(max_length=20)
    details: bool = True
    hour: int
    days_back: int
    enabled: bool = True
    state: PullState = Field(sa_type=text_enum(PullState))
    due_at: datetime
    leased_until: datetime | None = None
    attempts: int = 0
    failures: int = 0
    first: date | None = None
    last: date | None = None
    parts: int = 0
    parts_done: int = 0
    fresh: int = 0
    last_error: str = Field(default="", max_length=500)
    last_done_at: datetime | None = None
