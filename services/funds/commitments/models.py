"""Tables of commitments (one row per plan line) and cached project snapshots."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.commitments.schemas import CommitmentState
from shared.db import Fen, text_enum


class Commitment(Base, table=True):
    """资金安排登记. Its id is that of the plan line, which makes registration with the projects service idempotent."""

    __tablename__ = "commitment"
    __table_args__ = (sa.Index(None, "state", "asked_at"), sa.Index(None, "plan_id"))

    id: UUID = Field(primary_key=True)
    plan_id: UUID
    project_id: UUID
    region: str = Field(max_length=12)
    amount: int = Field(sa_type=Fen)
    state: CommitmentState = Field(sa_type=text_enum(CommitmentState))
    asked_at: datetime
    """When it was last asked for; while a replica releases it, the end of its lease."""
    last_error: str = Field(default="", max_length=500)


class CachedProject(Base, table=True):
    """项目摘要: a `ProjectSnapshot` from the project's last event or answer, so that funds reads without the projects service."""

    __tablename__ = "project_card"
    __table_args__ = (sa.Index(None, "region", "id"),)

    id: UUID = Field(primary_key=True)
    region: str = Field(max_length=12)
    name: str = Field(max_length=300)
    code: str = Field(default="", max_length=40)
    category: str = Field(default="", max_length=40)
    industry: bool = False
    blocked: bool = False
    state: str = Field(default="", max_length=40)
    physical_percent: int | None = None
    managing_unit: str = Field(default="", max_length=200)
    reported_on: date | None = None
    version: int = 0
    seen_at: datetime
