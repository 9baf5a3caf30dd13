"""Tables of distribution plans and their lines. Lines change only in DRAFT or RETURNED state."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.schemas import PlanKind
from shared.db import JSON, Fen, Record, text_enum


class Plan(Base, Record, table=True):
    """资金分配方案."""

    __tablename__ = "plan"
    __table_args__ = (sa.Index(None, "region", "created_at", "id"), sa.Index(None, "region", "year", "id"))

    kind: PlanKind = Field(sa_type=text_enum(PlanKind))
    title: str = Field(max_length=300)
    year: int
    batch: str = Field(default="", max_length=200)
    principle: str = Field(default="", sa_type=sa.Text)
    basis: str = Field(default="", sa_type=sa.Text)
    announced_total: int | None = Field(default=None, sa_type=Fen)
    hotline: str = Field(default="", max_length=100)
    amends: UUID | None = None
    state: PlanState = Field(sa_type=text_enum(PlanState))
    state_since: datetime
    submitted_by: str = Field(default="", max_length=64)
    approved_by: str = Field(default="", max_length=64)
    issued_by: str = Field(default="", max_length=64)
    decision_no: str = Field(default="", max_length=100)
    decision_on: date | None = None
    decision_file: str = Field(default="", max_length=64)
    issued_on: date | None = None
    rules_used: list[str] = Field(default_factory=list, sa_type=JSON)
    waived: str = Field(default="", sa_type=sa.Text)


class PlanLine(Base, table=True):
    """方案明细: amount in 分 for a project from a source; a negative amount recalls from an earlier allocation."""

    __tablename__ = "plan_line"
    __table_args__ = (
        sa.UniqueConstraint("plan_id", "position"),
        sa.Index(None, "source_id"),
        sa.Index(None, "project_id"),
    )

    id: UUID = Field(primary_key=True)
    plan_id: UUID = Field(foreign_key="plan.id")
    position: int
    project_id: UUID
    source_id: UUID = Field(foreign_key="source.id")
    allocation_id: UUID | None = None
    amount: int = Field(sa_type=Fen)
    name: str = Field(max_length=300)
    place: str = Field(default="", max_length=300)
    content: str = Field(default="", sa_type=sa.Text)
    project_type: str = Field(default="", max_length=100)
    fund_note: str = Field(default="", max_length=200)
    unit: str = Field(default="", max_length=200)
    target: str = Field(default="", sa_type=sa.Text)
    management_fee: bool = False
    industry: bool = False
    industry_basis: str = Field(default="", max_length=300)
    project_region: str = Field(default="", max_length=12)
