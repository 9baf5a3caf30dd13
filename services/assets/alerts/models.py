"""The table of alerts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.alerts.lifecycle import AlertState
from services.assets.base import Base
from shared.db import JSON, Record, text_enum


class AssetAlert(Base, Record, table=True):
    """预警: one rule's finding about one record. `mark` is rule and record; the finding may go and come back."""

    __tablename__ = "asset_alert"
    __table_args__ = (
        sa.Index(None, "mark", unique=True),
        sa.Index(None, "region", "state", "due_on", "id"),
        sa.Index(None, "rule", "gone"),
        sa.Index(None, "asset_id"),
    )

    mark: str = Field(max_length=120)
    rule: str = Field(max_length=80)
    rule_ref: str = Field(max_length=100)
    light: str = Field(max_length=10)
    asset_id: UUID | None = None
    project_id: UUID | None = None
    title: str = Field(max_length=300)
    message: str = Field(sa_type=sa.Text)
    figures: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    owner: str = Field(default="", max_length=100)
    due_on: date
    state: AlertState = Field(sa_type=text_enum(AlertState))
    state_since: datetime
    feedback: str = Field(default="", sa_type=sa.Text)
    answered_by: str = Field(default="", max_length=64)
    seen_at: datetime
    gone: bool = False
