"""Table of value adjustments."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.book.lifecycle import AdjustmentState
from services.assets.book.schemas import ValueAdjustmentKind
from shared.db import JSON, Fen, Record, text_enum


class ValueAdjustment(Base, Record, table=True):
    """价值调整. Its region is the asset's; `amount` is signed."""

    __tablename__ = "value_adjustment"
    __table_args__ = (
        sa.Index(None, "asset_id", "happened_on"),
        sa.Index(None, "region", "state", "created_at", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    kind: ValueAdjustmentKind = Field(sa_type=text_enum(ValueAdjustmentKind))
    amount: int = Field(sa_type=Fen)
    happened_on: date
    document_no: str = Field(default="", max_length=100)
    reason: str = Field(sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: AdjustmentState = Field(sa_type=text_enum(AdjustmentState))
    state_since: datetime
    decided_by: str = Field(default="", max_length=64)
