"""Table of repair tickets."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.repairs.lifecycle import RepairState
from services.assets.repairs.schemas import RepairSource
from shared.db import JSON, Fen, Record, text_enum


class Repair(Base, Record, table=True):
    """报修单. Its region is the asset's; the phone of the reporter is encrypted."""

    __tablename__ = "repair"
    __table_args__ = (
        sa.Index(None, "asset_id", "created_at"),
        sa.Index(None, "region", "state", "created_at", "id"),
        sa.Index(None, "created_by", "created_at"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    source: RepairSource = Field(sa_type=text_enum(RepairSource))
    inspection_id: UUID | None = None
    text: str = Field(sa_type=sa.Text)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
    photo_remarks: list[str] = Field(default_factory=list, sa_type=JSON)
    contact_sealed: str = Field(default="", sa_type=sa.Text)
    contact_masked: str = Field(default="", max_length=20)
    state: RepairState = Field(sa_type=text_enum(RepairState))
    state_since: datetime
    person: str = Field(default="", max_length=100)
    due_on: date | None = None
    cost: int | None = Field(default=None, sa_type=Fen)
    cost_source: str = Field(default="", max_length=200)
    finished_on: date | None = None
    finished_by: str = Field(default="", max_length=64)
    after_photos: list[str] = Field(default_factory=list, sa_type=JSON)
    result: str = Field(default="", sa_type=sa.Text)
