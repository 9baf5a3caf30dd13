"""Tables of targets and of what was reached. Amounts are exact decimals kept as text: the databases differ in numbers."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.workplan.base import Base
from services.workplan.targets.schemas import ActualSource, ActualState, Direction, MeasureUnit
from shared.db import JSON, Record, text_enum

AMOUNT_LENGTH = 24


class WorkTarget(Base, Record, table=True):
    """任务指标. `reached` is the newest confirmed actual."""

    __tablename__ = "work_target"
    __table_args__ = (
        sa.UniqueConstraint("item_id", "name"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "plan_id", "item_number", "id"),
    )

    plan_id: UUID = Field(foreign_key="work_plan.id")
    item_id: UUID = Field(foreign_key="plan_item.id")
    item_number: int
    year: int
    name: str = Field(max_length=120)
    unit: MeasureUnit = Field(sa_type=text_enum(MeasureUnit))
    direction: Direction = Field(sa_type=text_enum(Direction))
    base: str | None = Field(default=None, max_length=AMOUNT_LENGTH)
    value: str = Field(max_length=AMOUNT_LENGTH)
    due_on: date
    milestones: list[str] = Field(default_factory=list, sa_type=JSON)
    source: ActualSource = Field(sa_type=text_enum(ActualSource))
    computation: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    shares: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    reached: str | None = Field(default=None, max_length=AMOUNT_LENGTH)
    reached_on: date | None = None
    explanation: str = Field(default="", sa_type=sa.Text)


class WorkActual(Base, Record, table=True):
    """一次进度; rows are only added and decided on."""

    __tablename__ = "work_actual"
    __table_args__ = (
        sa.Index(None, "target_id", "on", "id"),
        sa.Index(None, "region", "state", "created_at", "id"),
    )

    target_id: UUID = Field(foreign_key="work_target.id")
    on: date
    value: str = Field(max_length=AMOUNT_LENGTH)
    source: ActualSource = Field(sa_type=text_enum(ActualSource))
    state: ActualState = Field(sa_type=text_enum(ActualState))
    document_no: str = Field(default="", max_length=80)
    note: str = Field(default="", sa_type=sa.Text)
    rows: str = Field(default="", max_length=400)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    confirmed_by: str = Field(default="", max_length=64)
