"""The table of batches."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.sync.base import Base
from shared.db import JSON


class SyncBatch(Base, table=True):
    """批次: the ids that one body carried, in their order; the items themselves stand in `sync_item`."""

    __tablename__ = "sync_batch"
    __table_args__ = (sa.Index(None, "account", "received_at", "id"), sa.Index(None, "received_at"))

    id: UUID = Field(primary_key=True)
    account: str = Field(max_length=64)
    region: str = Field(max_length=12)
    device: str = Field(max_length=64)
    sent_at: datetime
    received_at: datetime
    clock_offset_s: float
    items: list[str] = Field(sa_type=JSON)
    malformed: dict[str, Any] = Field(sa_type=JSON)
    """Position → result of what is no item, or bears an id that is taken: it has no row of its own."""
