"""Alerts: one open alert per rule and subject; raised by the figures, closed by people."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.alerts.kinds import AlertKind, Light
from services.funds.alerts.lifecycle import AlertState
from services.funds.base import Base
from shared.db import JSON, Record, text_enum


class Alert(Base, Record, table=True):
    """资金预警."""

    __tablename__ = "alert"
    __table_args__ = (
        sa.UniqueConstraint("mark"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "rule", "state"),
        sa.Index(None, "subject"),
    )

    mark: str = Field(max_length=160)
    rule: str = Field(max_length=80)
    rule_ref: str = Field(max_length=100)
    kind: AlertKind = Field(sa_type=text_enum(AlertKind))
    light: Light = Field(sa_type=text_enum(Light))
    subject_kind: str = Field(max_length=40)
    subject: str = Field(max_length=64)
    title: str = Field(max_length=300)
    message: str = Field(sa_type=sa.Text)
    figures: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    rows: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    basis: str = Field(default="", sa_type=sa.Text)
    owner: str = Field(default="", max_length=64)
    due_on: date
    state: AlertState = Field(sa_type=text_enum(AlertState))
    state_since: datetime
    answer: str = Field(default="", sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    answered_by: str = Field(default="", max_length=64)
    files_needed: bool = False
    seen_at: datetime
    gone: bool = False
