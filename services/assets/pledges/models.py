"""Table of pledges."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.pledges.lifecycle import PledgeState
from shared.db import JSON, Fen, Record, text_enum


class Pledge(Base, Record, table=True):
    """资产抵押. Its region is the asset's."""

    __tablename__ = "pledge"
    __table_args__ = (sa.Index(None, "asset_id", "state"), sa.Index(None, "region", "state", "ends_on", "id"))

    asset_id: UUID = Field(foreign_key="asset.id")
    pledgee: str = Field(max_length=200)
    debtor: str = Field(max_length=200)
    amount: int = Field(sa_type=Fen)
    starts_on: date
    ends_on: date
    registration_no: str = Field(default="", max_length=100)
    reason: str = Field(sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: PledgeState = Field(sa_type=text_enum(PledgeState))
    state_since: datetime
    approved_by: str = Field(default="", max_length=64)
