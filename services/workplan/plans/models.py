"""Tables of work plans and their items."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.workplan.base import Base
from shared.db import JSON, Record


class WorkPlan(Base, Record, table=True):
    """工作要点."""

    __tablename__ = "work_plan"
    __table_args__ = (
        sa.UniqueConstraint("region", "year", "title"),
        sa.Index(None, "region", "created_at", "id"),
    )

    year: int
    title: str = Field(max_length=200)
    document_no: str = Field(default="", max_length=80)
    issued_on: date


class PlanItem(Base, table=True):
    """要点的一项任务; never changed after its plan was entered."""

    __tablename__ = "plan_item"
    __table_args__ = (sa.UniqueConstraint("plan_id", "number"),)

    id: UUID = Field(primary_key=True)
    plan_id: UUID = Field(foreign_key="work_plan.id")
    region: str = Field(max_length=12)
    number: int
    section: str = Field(max_length=100)
    title: str = Field(max_length=100)
    text: str = Field(sa_type=sa.Text)
    units: list[str] = Field(default_factory=list, sa_type=JSON)
