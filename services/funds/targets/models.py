"""Tables of performance targets, their indicators and monitorings."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.schemas import Aspect, TargetOperator
from shared.db import JSON, Fen, Record, text_enum


class Target(Base, Record, table=True):
    """绩效目标. Its region is that of the project."""

    __tablename__ = "target"
    __table_args__ = (
        sa.UniqueConstraint("plan_id", "project_id"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "year", "id"),
        sa.Index(None, "project_id"),
        sa.Index(None, "published_on", "id"),
    )

    plan_id: UUID = Field(foreign_key="plan.id")
    project_id: UUID
    project_name: str = Field(max_length=300)
    year: int
    department: str = Field(default="", max_length=200)
    unit: str = Field(default="", max_length=200)
    leader: str = Field(default="", max_length=100)
    amount: int = Field(sa_type=Fen)
    fiscal_amount: int = Field(sa_type=Fen)
    goal: str = Field(default="", sa_type=sa.Text)
    template: str = Field(default="", max_length=100)
    state: TargetState = Field(sa_type=text_enum(TargetState))
    state_since: datetime
    submitted_by: str = Field(default="", max_length=64)
    approved_by: str = Field(default="", max_length=64)
    decision_no: str = Field(default="", max_length=100)
    approved_on: date | None = None
    due_on: date | None = None
    published_on: date | None = None
    published_at: str = Field(default="", max_length=500)
    evaluated_by: str = Field(default="", max_length=64)
    paid: int | None = Field(default=None, sa_type=Fen)
    score: int | None = None
    summary: str = Field(default="", sa_type=sa.Text)
    rules_used: list[str] = Field(default_factory=list, sa_type=JSON)


class TargetIndicator(Base, table=True):
    """绩效指标. Values are decimal strings; `completion` is in hundredths of a percent."""

    __tablename__ = "target_indicator"
    __table_args__ = (sa.UniqueConstraint("target_id", "position"),)

    id: UUID = Field(primary_key=True)
    target_id: UUID = Field(foreign_key="target.id")
    position: int
    aspect: Aspect = Field(sa_type=text_enum(Aspect))
    name: str = Field(max_length=200)
    operator: TargetOperator = Field(sa_type=text_enum(TargetOperator))
    value: str = Field(default="", max_length=20)
    unit: str = Field(default="", max_length=40)
    weight: int
    core: bool = False
    actual: str = Field(default="", max_length=20)
    completion: int | None = None
    deviates: bool = False
    deviation_reason: str = Field(default="", sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)


class TargetMonitoring(Base, table=True):
    """绩效运行监控. Append-only."""

    __tablename__ = "target_monitoring"
    __table_args__ = (sa.Index(None, "target_id", "monitored_on"),)

    id: UUID = Field(primary_key=True)
    target_id: UUID = Field(foreign_key="target.id")
    monitored_on: date
    allocated: int = Field(sa_type=Fen)
    paid: int = Field(sa_type=Fen)
    values: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    problems: str = Field(default="", sa_type=sa.Text)
    measures: str = Field(default="", sa_type=sa.Text)
    created_at: datetime
    created_by: str = Field(max_length=64)
