"""The table of disposals."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.disposals.kinds import Cause
from services.assets.disposals.lifecycle import DisposalState
from shared.db import JSON, Record, text_enum


class Disposal(Base, Record, table=True):
    """资产处置. Its region is the asset's."""

    __tablename__ = "disposal"
    __table_args__ = (
        sa.Index(None, "asset_id", "created_at"),
        sa.Index(None, "region", "state", "created_at", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    cause: Cause = Field(sa_type=text_enum(Cause))
    description: str = Field(sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: DisposalState = Field(sa_type=text_enum(DisposalState))
    state_since: datetime
    value: int | None = Field(default=None, sa_type=sa.BigInteger)
    appraisal_no: str = Field(default="", max_length=100)
    held_on: date | None = None
    decided_by: str = Field(default="", max_length=64)
    document_no: str = Field(default="", max_length=100)
    approved_by: str = Field(default="", max_length=64)
    proceeds: int | None = Field(default=None, sa_type=sa.BigInteger)
    voucher_no: str = Field(default="", max_length=100)
    booked_by: str = Field(default="", max_length=64)
    result: str = Field(default="", sa_type=sa.Text)
