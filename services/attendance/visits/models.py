"""Tables of visits, follow-ups, deeds and trainings."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.visits.schemas import DeedKind, TrainingKind, VisitKind, VisitPurpose
from shared.db import JSON, Fen, Record, text_enum


class Visit(Base, Record, table=True):
    """走访. The household's name is encrypted; `household_mark` is a blind index that identifies the same household."""

    __tablename__ = "visit"
    __table_args__ = (
        sa.Index(None, "region", "visited_on", "id"),
        sa.Index(None, "person", "visited_on", "id"),
        sa.Index(None, "project_id", "visited_on", "id"),
        sa.Index(None, "asset_id", "visited_on", "id"),
        sa.Index(None, "household_mark"),
    )

    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    visited_on: date
    kind: VisitKind = Field(sa_type=text_enum(VisitKind))
    purpose: VisitPurpose = Field(sa_type=text_enum(VisitPurpose))
    household_sealed: str = Field(default="", sa_type=sa.Text)
    household_masked: str = Field(default="", max_length=50)
    household_mark: str = Field(default="", max_length=32)
    project_id: UUID | None = None
    asset_id: UUID | None = None
    findings: str = Field(default="", sa_type=sa.Text)
    lon: float | None = None
    lat: float | None = None
    place: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    coarse: bool = False
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
    photo_remarks: list[str] = Field(default_factory=list, sa_type=JSON)


class VisitFollowUp(Base, Record, table=True):
    """走访发现的待办."""

    __tablename__ = "follow_up"
    __table_args__ = (
        sa.Index(None, "visit_id", "id"),
        sa.Index(None, "region", "due_on", "id"),
        sa.Index(None, "person", "due_on", "id"),
    )

    visit_id: UUID = Field(foreign_key="visit.id")
    person: str = Field(max_length=64)
    text: str = Field(max_length=500)
    due_on: date
    done_on: date | None = None
    result: str = Field(default="", max_length=1000)
    done_at: datetime | None = None


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
    amount: int = Field(default=0, sa_type=Fen)
    done: bool = False
    done_on: date | None = None
    project_id: UUID | None = None
    visit_id: UUID | None = None
    photos: list[str] = Field(default_factory=list, sa_type=JSON)


class Training(Base, Record, table=True):
    """练兵比武记录. `result` is never used to sort persons."""

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
