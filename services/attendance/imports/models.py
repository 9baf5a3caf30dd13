"""The tables of imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.imports.kinds import Channel, PunchState, RunState
from shared.db import JSON, Record, text_enum


class External(Base, Record, table=True):
    """外部账号对应: who somebody is in the other system."""

    __tablename__ = "external_account"
    __table_args__ = (
        sa.UniqueConstraint("channel", "external"),
        sa.Index(None, "region", "created_at", "id"),
    )

    channel: Channel = Field(sa_type=text_enum(Channel))
    external: str = Field(max_length=100)
    person: str = Field(max_length=64)


class Punch(Base, table=True):
    """外部记录, as it came. `check_in_id` is the check-in it became."""

    __tablename__ = "punch"
    __table_args__ = (
        sa.UniqueConstraint("channel", "source_id"),
        sa.Index(None, "channel", "external", "state"),
        sa.Index(None, "coarse", "punched_at"),
    )

    id: UUID = Field(primary_key=True)
    channel: Channel = Field(sa_type=text_enum(Channel))
    source_id: str = Field(max_length=200)
    external: str = Field(max_length=100)
    region: str = Field(max_length=12)
    state: PunchState = Field(sa_type=text_enum(PunchState))
    punched_at: datetime | None = None
    raw: dict[str, Any] = Field(sa_type=JSON)
    coarse: bool = False
    check_in_id: UUID | None = None
    created_at: datetime


class ImportRun(Base, Record, table=True):
    """一次导入."""

    __tablename__ = "import_run"
    __table_args__ = (sa.Index(None, "region", "created_at", "id"),)

    channel: Channel = Field(sa_type=text_enum(Channel))
    state: RunState = Field(sa_type=text_enum(RunState))
    fresh: int = 0
    known: int = 0
    invalid: int = 0
    unsigned: int = 0
    unmatched: int = 0
    detail: str = Field(default="", max_length=1000)
