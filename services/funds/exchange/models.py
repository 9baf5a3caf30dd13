"""Table of received rows and their state."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.exchange.schemas import ExchangeKind, ExchangeRowState
from shared.db import JSON, Record, text_enum


class ExchangeRow(Base, Record, table=True):
    """收到的一行. Equal content under the same key is one record; account numbers are masked before they are stored."""

    __tablename__ = "exchange_row"
    __table_args__ = (
        sa.UniqueConstraint("region", "kind", "external_id", "content_digest"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "state", "created_at"),
        sa.Index(None, "kind", "external_id"),
        sa.Index(None, "subject"),
    )

    kind: ExchangeKind = Field(sa_type=text_enum(ExchangeKind))
    external_id: str = Field(max_length=64)
    content_digest: str = Field(max_length=64)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: ExchangeRowState = Field(sa_type=text_enum(ExchangeRowState))
    reason: str = Field(default="", sa_type=sa.Text)
    subject: str = Field(default="", max_length=64)
    awaits_payment: UUID | None = Field(default=None, description="the payment it came too early for")
    awaits_document: str = Field(default="", max_length=64, description="the 指标主键 it came too early for")
    tries: int = 1
    settled_at: datetime | None = None
    settled_by: str = Field(default="", max_length=64)
    note: str = Field(default="", sa_type=sa.Text)
