"""Tables of rule sets, screening runs, clearances, similarity keys and screening jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from services.projects.screening.schemas import (
    ClearanceState,
    RuleSetState,
    ScreeningJobKind,
    ScreeningJobState,
    ScreeningOccasion,
    Severity,
    Verdict,
)
from shared.db import JSON, Record, text_enum


class RuleSetRow(Base, Record, table=True):
    """筛查规则集: all rules and word sets of one version. Screenings refer to it by `digest`."""

    __tablename__ = "screening_rule_set"
    __table_args__ = (
        sa.UniqueConstraint("region", "number"),
        sa.Index(None, "state", "region"),
        sa.Index(None, "region", "digest"),
        sa.Index(None, "created_at", "id"),
    )

    number: int
    title: str = Field(max_length=200)
    state: RuleSetState = Field(sa_type=text_enum(RuleSetState))
    reason: str = Field(default="", sa_type=sa.Text)
    digest: str = Field(max_length=40)
    base_digest: str = Field(default="", max_length=40)
    rules: list[dict[str, Any]] = Field(sa_type=JSON)
    words: dict[str, Any] = Field(sa_type=JSON)
    activated_by: str = Field(default="", max_length=64)
    activated_at: datetime | None = None
    retired_at: datetime | None = None


class ScreeningRun(Base, table=True):
    """一次筛查. Insert-only."""

    __tablename__ = "screening"
    __table_args__ = (sa.Index(None, "project_id", "at", "id"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID
    region: str = Field(max_length=12)
    occasion: ScreeningOccasion = Field(sa_type=text_enum(ScreeningOccasion))
    at: datetime
    by: str = Field(max_length=64)
    rule_set_version: str = Field(max_length=40)
    verdict: Verdict = Field(sa_type=text_enum(Verdict))
    findings: list[dict[str, Any]] = Field(sa_type=JSON)
    open: int = Field(description="number of findings not cleared")


class Clearance(Base, Record, table=True):
    """放行(确认) of one finding with these matched words; other words need another clearance."""

    __tablename__ = "screening_clearance"
    __table_args__ = (
        sa.UniqueConstraint("finding", "attempt"),
        sa.Index(None, "state", "region", "id"),
    )

    project_id: UUID
    finding: str = Field(max_length=40)
    attempt: int = 1
    rule: str = Field(max_length=120)
    item: str = Field(max_length=200)
    severity: Severity = Field(sa_type=text_enum(Severity))
    words: str = Field(default="", sa_type=sa.Text)
    state: ClearanceState = Field(sa_type=text_enum(ClearanceState))
    reason: str = Field(sa_type=sa.Text)
    document_no: str = Field(default="", max_length=100)
    decided_by: str = Field(default="", max_length=64)
    decided_at: datetime | None = None
    decision: str = Field(default="", sa_type=sa.Text)


class SimilarityKey(Base, table=True):
    """相似查找键: similar projects share a key; `low` and `high` bound the regions to search."""

    __tablename__ = "screening_key"
    __table_args__ = (sa.Index(None, "key", "region", "year"),)

    project_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=20)
    region: str = Field(max_length=12)
    low: str = Field(max_length=12)
    high: str = Field(max_length=12)
    year: int


class ScreeningJob(Base, Record, table=True):
    """全库试算或重筛, processed in id order; `position` is the id of the last processed project."""

    __tablename__ = "screening_job"
    __table_args__ = (sa.Index(None, "state", "id"), sa.Index(None, "created_at", "id"))

    kind: ScreeningJobKind = Field(sa_type=text_enum(ScreeningJobKind))
    state: ScreeningJobState = Field(sa_type=text_enum(ScreeningJobState))
    rule_set_id: UUID | None = None
    rule_set_version: str = Field(default="", max_length=40)
    total: int
    done: int = 0
    position: UUID | None = None
    verdicts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    changed: int = 0
    finished_at: datetime | None = None


class ScreeningJobChange(Base, table=True):
    """试算或重筛中结果有变化的项目."""

    __tablename__ = "screening_job_change"
    __table_args__ = (sa.UniqueConstraint("job_id", "project_id"),)

    id: UUID = Field(primary_key=True)
    job_id: UUID
    project_id: UUID
    region: str = Field(max_length=12)
    name: str = Field(max_length=300)
    was: str = Field(max_length=20)
    now: str = Field(max_length=20)
    appeared: list[str] = Field(sa_type=JSON)
    gone: list[str] = Field(sa_type=JSON)
