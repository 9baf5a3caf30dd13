"""The table of follow-up visits. Rows are only added."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.visits.kinds import Holding
from shared.db import JSON, Record, text_enum


class FollowUp(Base, Record, table=True):
    """到户资产回访. Its region is the asset's."""

    __tablename__ = "follow_up"
    __table_args__ = (
        sa.Index(None, "asset_id", "visited_on"),
        sa.Index(None, "region", "visited_on", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    visited_on: date
    visitor: str = Field(max_length=64)
    holding: Holding = Field(sa_type=text_enum(Holding))
    quantity: str = Field(default="", max_length=40)
    income: int | None = Field(default=None, sa_type=sa.BigInteger)
    needs: str = Field(default="", sa_type=sa.Text)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
