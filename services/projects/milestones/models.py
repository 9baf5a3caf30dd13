"""Table of milestones."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base


class Milestone(Base, table=True):
    """项目节点."""

    __tablename__ = "milestone"
    __table_args__ = (sa.Index(None, "project_id", "planned_on", "id"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    name: str = Field(max_length=100)
    planned_on: date
    done_on: date | None = None
    done_by: str = Field(default="", max_length=64)
    remark: str = Field(default="", max_length=500)
