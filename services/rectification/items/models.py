"""Tables of rectification items and of their monthly progress."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.rectification.base import Base
from services.rectification.items.lifecycle import ItemState
from services.rectification.items.schemas import ItemCategory, ItemSource
from shared.db import JSON, Fen, Record, text_enum


class RectificationItem(Base, Record, table=True):
    """整改问题. `measures` are the rows of the task list, `alert` the address of the alert that it came from."""

    __tablename__ = "rectification_item"
    __table_args__ = (
        sa.UniqueConstraint("source", "document_no", "number"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "found_on", "id"),
        sa.Index(None, "region", "state", "due_on", "id"),
        sa.Index(None, "project_id"),
        sa.Index(None, "asset_id"),
        sa.Index(None, "alert"),
    )

    source: ItemSource = Field(sa_type=text_enum(ItemSource))
    document_no: str = Field(default="", max_length=80)
    number: str = Field(max_length=40)
    found_on: date
    category: ItemCategory = Field(sa_type=text_enum(ItemCategory))
    problem: str = Field(sa_type=sa.Text)
    amount_found: int | None = Field(default=None, sa_type=Fen)
    amount_corrected: int | None = Field(default=None, sa_type=Fen)
    households: int | None = None
    project_id: UUID | None = None
    asset_id: UUID | None = None
    alert: str = Field(default="", max_length=120)
    leader: str = Field(default="", max_length=100)
    unit: str = Field(default="", max_length=200)
    person: str = Field(default="", max_length=100)
    goal: str = Field(default="", sa_type=sa.Text)
    due_on: date | None = None
    measures: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    percent: int = 0
    last_month: str = Field(default="", max_length=7)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    similar: str = Field(default="", sa_type=sa.Text)
    mechanism: str = Field(default="", sa_type=sa.Text)
    people_held: int | None = None
    visited_on: date | None = None
    visitors: str = Field(default="", max_length=200)
    site_file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    closing_no: str = Field(default="", max_length=80)
    closed_on: date | None = None
    looked_back_on: date | None = None
    rebounds: int = 0
    claimed_by: str = Field(default="", max_length=64)
    requested_by: str = Field(default="", max_length=64)
    checked_by: str = Field(default="", max_length=64)
    state: ItemState = Field(sa_type=text_enum(ItemState))
    state_since: datetime


class ItemProgress(Base, Record, table=True):
    """月度整改进展; rows are only added, the latest of a month counts."""

    __tablename__ = "item_progress"
    __table_args__ = (sa.Index(None, "item_id", "created_at", "id"),)

    item_id: UUID = Field(foreign_key="rectification_item.id")
    month: str = Field(max_length=7)
    text: str = Field(sa_type=sa.Text)
    percent: int
    amount_corrected: int | None = Field(default=None, sa_type=Fen)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
