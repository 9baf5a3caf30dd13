"""Table of jobs."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.households.base import Base
from services.households.jobs.lifecycle import JobState
from services.households.jobs.schemas import JobKind
from shared.db import JSON, Fen, Record, text_enum


class HelpJob(Base, Record, table=True):
    """公益性岗位或帮扶车间的一个人. Name and id number are sealed; `paid` maps a month "2024-05" to 分; `pay` is 分 a month."""

    __tablename__ = "help_job"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "state", "kind", "id"),
        sa.Index(None, "id_mark", "starts_on", "id"),
    )

    kind: JobKind = Field(sa_type=text_enum(JobKind))
    name_sealed: str = Field(sa_type=sa.Text)
    name_masked: str = Field(max_length=50)
    id_no_sealed: str = Field(sa_type=sa.Text)
    id_mark: str = Field(max_length=32)
    post: str = Field(max_length=100)
    employer: str = Field(max_length=200)
    starts_on: date
    ends_on: date | None = None
    left_on: date | None = None
    pay: int = Field(sa_type=Fen)
    paid: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    paid_total: int = Field(default=0, sa_type=Fen)
    state: JobState = Field(sa_type=text_enum(JobState))
    state_since: datetime
