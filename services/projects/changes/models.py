"""Table of change requests."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from services.projects.changes.lifecycle import ChangeState
from shared.db import JSON, Record, text_enum

NOTICE_SUBJECT_KIND = "project_change"
"""Subject kind of notices about a change request."""


class ChangeRequest(Base, Record, table=True):
    """变更申请. Its region is the project's; `wanted` holds the sent fields, `before` the displayed old values."""

    __tablename__ = "change_request"
    __table_args__ = (
        sa.Index(None, "project_id", "id"),
        sa.Index(None, "state", "region", "id"),
        sa.Index(None, "region", "created_at", "id"),
    )

    subject: str = Field(max_length=64, description="the id as text, for joins with notices")
    project_id: UUID = Field(foreign_key="project.id")
    project_name: str = Field(max_length=300)
    managing_unit: str = Field(default="", max_length=200)
    reason: str = Field(sa_type=sa.Text)
    wanted: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: ChangeState = Field(sa_type=text_enum(ChangeState))
    state_since: datetime
    decision_no: str = Field(default="", max_length=100)
    decision_on: date | None = None
    approved_by: str = Field(default="", max_length=64)
    approved_on: date | None = None
    republish_by: date | None = None
    applied_on: date | None = None
