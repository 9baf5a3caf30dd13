"""Table of progress reports; rows are insert-only."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from shared.db import JSON


class PhotoUse(Base, table=True):
    """照片使用: the content of a photo that a report has used; no other report may use it again."""

    __tablename__ = "photo_use"

    sha256: str = Field(primary_key=True, max_length=64)
    progress_id: UUID = Field(foreign_key="progress.id")
    project_id: UUID = Field(foreign_key="project.id")
    reported_on: date


class Progress(Base, table=True):
    """进度报告."""

    __tablename__ = "progress"
    __table_args__ = (sa.Index(None, "project_id", "reported_on", "id"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    reported_on: date
    physical_percent: int
    quantities: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    photos: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    problems: str = Field(default="", sa_type=sa.Text)
    reason: str = Field(default="", sa_type=sa.Text)
    happened_at: datetime
    reported_at: datetime
    reported_by: str = Field(max_length=64)
