"""Tables of stock-taking."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.campaigns.lifecycle import CampaignState
from services.assets.campaigns.schemas import FindingResult
from services.assets.register.schemas import AssetClass
from shared.china import FencePosition
from shared.db import JSON, Fen, Record, text_enum


class Campaign(Base, Record, table=True):
    """盘点 of a region and some asset classes."""

    __tablename__ = "campaign"
    __table_args__ = (sa.Index(None, "region", "starts_on", "id"), sa.Index(None, "starts_on", "id"))

    name: str = Field(max_length=200)
    classes: list[str] = Field(default_factory=list, sa_type=JSON)
    starts_on: date
    ends_on: date
    note: str = Field(default="", sa_type=sa.Text)
    state: CampaignState = Field(sa_type=text_enum(CampaignState))
    state_since: datetime


class CampaignItem(Base, table=True):
    """应盘清单的一项: copied from the register when the stock-taking began, with the latest result."""

    __tablename__ = "campaign_item"
    __table_args__ = (
        sa.Index(None, "campaign_id", "region", "asset_id"),
        sa.Index(None, "campaign_id", "result"),
    )

    campaign_id: UUID = Field(foreign_key="campaign.id", primary_key=True)
    asset_id: UUID = Field(foreign_key="asset.id", primary_key=True)
    region: str = Field(max_length=12)
    code: str = Field(max_length=40)
    name: str = Field(max_length=200)
    asset_class: AssetClass = Field(sa_type=text_enum(AssetClass))
    value: int = Field(sa_type=Fen)
    result: FindingResult | None = Field(default=None, sa_type=text_enum(FindingResult))
    found_at: datetime | None = None
    finding_id: UUID | None = None


class StocktakeFinding(Base, Record, table=True):
    """一条盘点记录. Rows are only inserted; the latest of an asset counts."""

    __tablename__ = "finding"
    __table_args__ = (
        sa.Index(None, "campaign_id", "asset_id"),
        sa.Index(None, "campaign_id", "result", "id"),
    )

    campaign_id: UUID = Field(foreign_key="campaign.id")
    asset_id: UUID | None = None
    result: FindingResult = Field(sa_type=text_enum(FindingResult))
    name: str = Field(default="", max_length=200)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
    fix: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    lon: float | None = None
    lat: float | None = None
    verdict: FencePosition | None = Field(default=None, sa_type=text_enum(FencePosition))
    distance_m: float | None = None
    margin_m: float | None = None
    note: str = Field(default="", sa_type=sa.Text)
    found_at: datetime
