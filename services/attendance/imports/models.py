"""Tables of imports: accounts, imported records, runs and pull channels."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.imports.schemas import Channel, ImportedRecordState, PullState, RunState
from shared.db import JSON, Record, text_enum


class ExternalAccount(Base, Record, table=True):
    """外部账号对应: account id in the other system → person."""

    __tablename__ = "external_account"
    __table_args__ = (
        sa.UniqueConstraint("channel", "external"),
        sa.Index(None, "region", "created_at", "id"),
    )

    channel: Channel = Field(sa_type=text_enum(Channel))
    external: str = Field(max_length=100)
    person: str = Field(max_length=64)


class ImportedRecord(Base, table=True):
    """外部记录, raw as received. `check_in_id` is the check-in made from it."""

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
    state: ImportedRecordState = Field(sa_type=text_enum(ImportedRecordState))
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


class PullChannel(Base, Record, table=True):
    """考勤接口. The secret is encrypted; `failures` counts consecutive failures.

    `attempts` only grows: writes with an older number, of a pull whose lease expired, are rejected.
    """

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
