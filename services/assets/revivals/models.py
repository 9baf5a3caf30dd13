"""The table of revitalisation plans."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.register.kinds import Track
from services.assets.revivals.lifecycle import RevivalState
from shared.db import JSON, Record, text_enum


class Revival(Base, Record, table=True):
    """盘活方案. Its region is the asset's; `before` and `after` are figures of the asset on those days."""

    __tablename__ = "revival"
    __table_args__ = (sa.Index(None, "asset_id"), sa.Index(None, "region", "state", "deadline", "id"))

    asset_id: UUID = Field(foreign_key="asset.id")
    track: Track = Field(sa_type=text_enum(Track))
    problem: str = Field(sa_type=sa.Text)
    measures: str = Field(sa_type=sa.Text)
    investment: int = Field(default=0, sa_type=sa.BigInteger)
    person: str = Field(max_length=100)
    deadline: date
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: RevivalState = Field(sa_type=text_enum(RevivalState))
    state_since: datetime
    reported_by: str = Field(default="", max_length=64)
