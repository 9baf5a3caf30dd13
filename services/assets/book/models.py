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
    service_years: int | None = None
    document_no: str = Field(default="", max_length=100)
    reason: str = Field(sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: AdjustmentState = Field(sa_type=text_enum(AdjustmentState))
    state_since: datetime
    decided_by: str = Field(default="", max_length=64)


class BookOpening(Base, table=True):
    """期初账面: a part of the value that an asset was opened with by a split or merge. Rows are only inserted.

    The part keeps its date of completion and the depreciation it came with.
    """

    __tablename__ = "book_opening"

    asset_id: UUID = Field(foreign_key="asset.id", primary_key=True)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    region: str = Field(max_length=12)
    opened_on: date
    opened_at: datetime
    value: int = Field(sa_type=Fen)
    accumulated: int = Field(sa_type=Fen)
    built_on: date | None = None
    service_years: int | None = None
