"""Table of project evaluations."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from services.projects.evaluations.lifecycle import EvaluationState
from shared.db import JSON, Record, text_enum


class ProjectEvaluation(Base, Record, table=True):
    """项目评价, at most one per project. Scores in hundredths; `items` belong to the last scoring, `self_items` to the self-evaluation."""

    __tablename__ = "evaluation"
    __table_args__ = (
        sa.UniqueConstraint("project_id"),
        sa.Index(None, "score", "id"),
        sa.Index(None, "region", "score", "id"),
        sa.Index(None, "state", "region", "id"),
    )

    project_id: UUID = Field(foreign_key="project.id")
    project_name: str = Field(max_length=300)
    category: str = Field(max_length=20)
    category_label: str = Field(max_length=200)
    year: int
    state: EvaluationState = Field(sa_type=text_enum(EvaluationState))
    state_since: datetime
    score: int
    self_score: int
    grade: str = Field(max_length=20)
    grade_label: str = Field(max_length=20)
    rule: str = Field(max_length=100)
    text: str = Field(default="", sa_type=sa.Text)
    items: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    self_items: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    submitted_by: str = Field(default="", max_length=64)
    reviewed_by: str = Field(default="", max_length=64)
    opinion: str = Field(default="", sa_type=sa.Text)

    @property
    def state_label(self) -> str:
        """The Chinese label of the state."""
        return self.state.label
