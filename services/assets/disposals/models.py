"""Tables of disposals and revitalisation plans."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.disposals.lifecycle import DisposalState, RevivalState
from services.assets.disposals.schemas import DisposalCause
from services.assets.register.schemas import Track
from shared.db import JSON, Fen, Record, text_enum


class Disposal(Base, Record, table=True):
    """资产处置. Its region is the asset's."""

    __tablename__ = "disposal"
    __table_args__ = (
        sa.Index(None, "asset_id", "created_at"),
        sa.Index(None, "region", "state", "created_at", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    cause: DisposalCause = Field(sa_type=text_enum(DisposalCause))
    description: str = Field(sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: DisposalState = Field(sa_type=text_enum(DisposalState))
    state_since: datetime
    value: int | None = Field(default=None, sa_type=Fen)
    appraisal_no: str = Field(default="", max_length=100)
    held_on: date | None = None
    decided_by: str = Field(default="", max_length=64)
    document_no: str = Field(default="", max_length=100)
    approved_by: str = Field(default="", max_length=64)
    proceeds: int | None = Field(default=None, sa_type=Fen)
    voucher_no: str = Field(default="", max_length=100)
    booked_by: str = Field(default="", max_length=64)
    result: str = Field(default="", sa_type=sa.Text)


class Revival(Base, Record, table=True):
    """盘活方案. Its region is the asset's; `before` and `after` are the figures of the asset at proposal and report."""

    __tablename__ = "revival"
    __table_args__ = (sa.Index(None, "asset_id"), sa.Index(None, "region", "state", "deadline", "id"))

    asset_id: UUID = Field(foreign_key="asset.id")
    track: Track = Field(sa_type=text_enum(Track))
    problem: str = Field(sa_type=sa.Text)
    measures: str = Field(sa_type=sa.Text)
    investment: int = Field(default=0, sa_type=Fen)
    person: str = Field(max_length=100)
    deadline: date
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: RevivalState = Field(sa_type=text_enum(RevivalState))
    state_since: datetime
    reported_by: str = Field(default="", max_length=64)
