"""Tables of custody: keepers, inspections, follow-up visits."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.custody.schemas import AssetCondition, Holding
from services.assets.register.lifecycle import UseState
from shared.china import FencePosition
from shared.db import JSON, Fen, Record, text_enum


class Keeper(Base, Record, table=True):
    """管护责任人. Its region is the asset's; an asset has one keeper at a time. The phone is encrypted."""

    __tablename__ = "keeper"
    __table_args__ = (sa.Index(None, "asset_id", "starts_on"),)

    asset_id: UUID = Field(foreign_key="asset.id")
    unit: str = Field(max_length=200)
    name: str = Field(max_length=50)
    phone_sealed: str = Field(default="", sa_type=sa.Text)
    phone_masked: str = Field(default="", max_length=20)
    funding: str = Field(default="", max_length=100)
    welfare_post: bool = False
    duties: str = Field(default="", sa_type=sa.Text)
    starts_on: date
    ends_on: date | None = None


class Inspection(Base, Record, table=True):
    """巡查. Its region is the asset's."""

    __tablename__ = "inspection"
    __table_args__ = (
        sa.Index(None, "asset_id", "inspected_at", "id"),
        sa.Index(None, "region", "inspected_at", "id"),
        sa.Index(None, "inspected_at", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    condition: AssetCondition = Field(sa_type=text_enum(AssetCondition))
    use_seen: UseState | None = Field(default=None, sa_type=text_enum(UseState))
    findings: str = Field(default="", sa_type=sa.Text)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
    photo_remarks: list[str] = Field(default_factory=list, sa_type=JSON)
    fix: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    lon: float | None = None
    lat: float | None = None
    verdict: FencePosition | None = Field(default=None, sa_type=text_enum(FencePosition))
    distance_m: float | None = None
    margin_m: float | None = None
    inspected_at: datetime
    inspector: str = Field(max_length=64)


class AssetFollowUp(Base, Record, table=True):
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
    income: int | None = Field(default=None, sa_type=Fen)
    needs: str = Field(default="", sa_type=sa.Text)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
