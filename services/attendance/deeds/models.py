"""The tables of deeds and trainings."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.deeds.kinds import DeedKind, TrainingKind
from shared.db import JSON, Record, text_enum


class Deed(Base, Record, table=True):
    """帮办实事. Money in 分."""

    __tablename__ = "deed"
    __table_args__ = (
        sa.Index(None, "region", "happened_on", "id"),
        sa.Index(None, "person", "happened_on", "id"),
        sa.Index(None, "project_id", "happened_on", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    happened_on: date
    kind: DeedKind = Field(sa_type=text_enum(DeedKind))
    content: str = Field(max_length=1000)
    beneficiaries: int = 0
    amount: int = Field(default=0, sa_type=sa.BigInteger)
    done: bool = False
    done_on: date | None = None
    project_id: UUID | None = None
    visit_id: UUID | None = None
    photos: list[str] = Field(default_factory=list, sa_type=JSON)


class Training(Base, Record, table=True):
    """练兵比武记录. A contest keeps its own result; no list of persons is ordered by it."""

    __tablename__ = "training"
    __table_args__ = (
        sa.Index(None, "region", "held_on", "id"),
        sa.Index(None, "person", "held_on", "id"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    held_on: date
    kind: TrainingKind = Field(sa_type=text_enum(TrainingKind))
    title: str = Field(max_length=200)
    organiser: str = Field(default="", max_length=200)
    minutes: int = 0
    result: str = Field(default="", max_length=100)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
