"""Table of measures of help."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.households.base import Base
from services.households.measures.lifecycle import MeasureState
from services.households.measures.schemas import MeasureKind
from shared.db import Fen, Record, text_enum


class HelpMeasure(Base, Record, table=True):
    """帮扶措施. Its region is the household's, `cadre` the account that helps the household. Amounts in 分."""

    __tablename__ = "help_measure"
    __table_args__ = (
        sa.Index(None, "household_id", "created_at", "id"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "cadre", "created_at", "id"),
        sa.Index(None, "project_id"),
        sa.Index(None, "asset_id"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    cadre: str = Field(max_length=64)
    kind: MeasureKind = Field(sa_type=text_enum(MeasureKind))
    text: str = Field(max_length=500)
    unit: str = Field(default="", max_length=200)
    planned_on: date
    done_on: date | None = None
    result: str = Field(default="", max_length=1000)
    amount: int | None = Field(default=None, sa_type=Fen)
    project_id: UUID | None = None
    asset_id: UUID | None = None
    state: MeasureState = Field(sa_type=text_enum(MeasureState))
    state_since: datetime
