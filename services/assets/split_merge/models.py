"""Table of links between assets and their successors."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from shared.db import Fen


class AssetLink(Base, table=True):
    """新资产从哪项旧资产来, 承接多少原值. Rows are only inserted."""

    __tablename__ = "asset_link"
    __table_args__ = (sa.Index(None, "new_id"),)

    old_id: UUID = Field(foreign_key="asset.id", primary_key=True)
    new_id: UUID = Field(foreign_key="asset.id", primary_key=True)
    region: str = Field(max_length=12)
    value: int = Field(sa_type=Fen)
