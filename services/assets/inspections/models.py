"""The table of inspections. Rows are only added."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.inspections.schemas import Condition
from services.assets.register.lifecycle import UseState
from shared.db import JSON, Record, text_enum
from shared.fences import Standing


class Inspection(Base, Record, table=True):
    """巡查. Its region is the asset's."""

    __tablename__ = "inspection"
    __table_args__ = (
        sa.Index(None, "asset_id", "inspected_at", "id"),
        sa.Index(None, "region", "inspected_at", "id"),
        sa.Index(None, "inspected_at", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    condition: Condition = Field(sa_type=text_enum(Condition))
    use_seen: UseState | None = Field(default=None, sa_type=text_enum(UseState))
    findings: str = Field(default="", sa_type=sa.Text)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
    fix: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    lon: float | None = None
    lat: float | None = None
    verdict: Standing | None = Field(default=None, sa_type=text_enum(Standing))
    distance_m: float | None = None
    margin_m: float | None = None
    inspected_at: datetime
    inspector: str = Field(max_length=64)
