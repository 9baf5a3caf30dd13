"""Tables of carry-overs, reopenings and land revenue."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from shared.db import Fen, Record


class CarryOver(Base, table=True):
    """结转: balance of a source on the last day of a closed year, in 分. Append-only."""

    __tablename__ = "carry_over"
    __table_args__ = (sa.Index(None, "source_id", "year"),)

    closing_id: UUID = Field(primary_key=True, foreign_key="year_closing.id")
    source_id: UUID = Field(primary_key=True, foreign_key="source.id")
    year: int
    received: int = Field(sa_type=Fen)
    allocated: int = Field(sa_type=Fen)
    paid: int = Field(sa_type=Fen)
    created_at: datetime


class Reopening(Base, Record, table=True):
    """重开已结账年度: requested with a decision document by one person, confirmed by another."""

    __tablename__ = "year_reopening"
    __table_args__ = (sa.UniqueConstraint("closing_id"),)

    closing_id: UUID = Field(foreign_key="year_closing.id")
    year: int
    decision_no: str = Field(max_length=100)
    decision_on: date
    decision_file: str = Field(default="", max_length=64)
    reason: str = Field(sa_type=sa.Text)
    confirmed_by: str = Field(default="", max_length=64)
    confirmed_at: datetime | None = None


class LandRevenue(Base, Record, table=True):
    """土地出让收益 of a region and year, in 分; the part spent on the countryside is in the ledger."""

    __tablename__ = "land_revenue"
    __table_args__ = (sa.UniqueConstraint("region", "year"),)

    year: int
    revenue: int = Field(sa_type=Fen)
    document_no: str = Field(max_length=100)
    counted_on: date
