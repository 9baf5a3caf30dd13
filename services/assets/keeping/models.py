"""The table of keepers."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from shared.db import Record


class Keeper(Base, Record, table=True):
    """管护责任人. Its region is the asset's; one keeps an asset at a time. The phone is sealed."""

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
