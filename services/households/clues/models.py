"""Table of clues."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.households.base import Base
from services.households.clues.lifecycle import ClueState
from services.households.clues.schemas import ClueSource
from shared.db import JSON, Record, text_enum


class Clue(Base, Record, table=True):
    """监测线索. Name, phone and text are sealed; `assignee` is the account that visits the household."""

    __tablename__ = "clue"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "state", "due_on", "id"),
        sa.Index(None, "created_by", "created_at"),
        sa.Index(None, "assignee", "created_at", "id"),
    )

    source: ClueSource = Field(sa_type=text_enum(ClueSource))
    name_sealed: str = Field(default="", sa_type=sa.Text)
    name_masked: str = Field(default="", max_length=50)
    phone_sealed: str = Field(default="", sa_type=sa.Text)
    text_sealed: str = Field(sa_type=sa.Text)
    visit_reasons: list[str] = Field(default_factory=list, sa_type=JSON)
    received_on: date
    due_on: date
    visited_on: date | None = None
    assignee: str = Field(default="", max_length=64)
    household_id: UUID | None = None
    rule_ref: str = Field(default="", max_length=100)
    state: ClueState = Field(sa_type=text_enum(ClueState))
    state_since: datetime
