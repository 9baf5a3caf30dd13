"""The table of items: what a phone sent, and what became of it."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.sync.base import Base
from services.sync.items.schemas import HoldReason, ItemVerdict
from shared.db import JSON, text_enum


class SyncItem(Base, table=True):
    """同步条目: the request that an account's phone sent under an id, and its verdict.

    `content` (body, version, signature) is kept sealed while the item is held and emptied when it is settled; `answer`
    (what the route answered) is kept sealed until the item is deleted.
    """

    __tablename__ = "sync_item"
    __table_args__ = (
        sa.Index(None, "account", "created_at", "id"),
        sa.Index(None, "id"),
        sa.Index(None, "due_at"),
        sa.Index(None, "created_at"),
    )

    account: str = Field(primary_key=True, max_length=64)
    """The account that sent it."""
    id: UUID = Field(primary_key=True)
    region: str = Field(max_length=12)
    title: str = Field(max_length=200)
    method: str = Field(max_length=6)
    path: str = Field(max_length=300)
    device: str = Field(max_length=64)
    recorded_by: str = Field(max_length=64)
    recorded_at: datetime
    """By the phone's clock."""
    judged_at: datetime
    """The same, corrected by what the phone's clock showed when it sent."""
    clock_offset_s: float
    """Seconds to add to the phone's clock."""
    after: list[str] = Field(sa_type=JSON)
    digest: str = Field(max_length=64)
    content: str = Field(sa_type=sa.Text)
    verdict: ItemVerdict = Field(sa_type=text_enum(ItemVerdict))
    reason: HoldReason = Field(sa_type=text_enum(HoldReason))
    words: str = Field(max_length=500)
    status: int
    answer: str = Field(sa_type=sa.Text)
    created_at: datetime
    held_until: datetime
    due_at: datetime | None
    """When a held item is tried again."""
    settled_at: datetime | None
    seen_at: datetime | None
    """When its sender took note that it was given up."""
