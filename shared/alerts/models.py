"""Table columns and configuration of alerts: one alert per rule and subject."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from shared.alerts.lifecycle import AlertKind, AlertLifecycle, AlertSeverity, AlertState
from shared.auth import May
from shared.db import JSON, Record, text_enum
from shared.events import Event


class AlertRow(Record):
    """预警: a rule's detection about one record. `mark` is the deduplication key; `gone` tells that it no longer occurs."""

    mark: str = Field(max_length=160)
    rule: str = Field(max_length=80)
    rule_ref: str = Field(max_length=100)
    kind: AlertKind = Field(sa_type=text_enum(AlertKind))
    light: AlertSeverity = Field(sa_type=text_enum(AlertSeverity))
    subject_kind: str = Field(max_length=40)
    subject: str = Field(max_length=64)
    project_id: UUID | None = None
    asset_id: UUID | None = None
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
    reopen_on: date | None = None
    """Deadline that whoever closed the alert gave: it opens again after that day if it is still detected."""


def alert_table_args() -> tuple[sa.UniqueConstraint | sa.Index, ...]:
    """Unique constraint and indexes of an alert table."""
    return (
        sa.UniqueConstraint("mark"),
        sa.Index(None, "region", "due_on", "id"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "rule", "state"),
        sa.Index(None, "subject"),
        sa.Index(None, "project_id"),
        sa.Index(None, "asset_id"),
        sa.Index(None, "reopen_on"),
    )


@dataclass(frozen=True)
class AlertConfig:
    """A service's alerts: table, lifecycle, permissions to read and decide, event of a change."""

    row: type[AlertRow]
    lifecycle: AlertLifecycle
    read: May
    decide: May
    moved_event: Callable[[AlertRow, AlertState], Event]
