"""Tables of statements and their lines: all of theirs, and ours without a counterpart."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.statements.schemas import MatchResult, Side, StatementState
from shared.db import Fen, Record, text_enum


class Statement(Base, Record, table=True):
    """对账单."""

    __tablename__ = "statement"
    __table_args__ = (sa.Index(None, "region", "created_at", "id"),)

    title: str = Field(max_length=200)
    period_from: date
    period_to: date
    file_id: str = Field(default="", max_length=64)
    state: StatementState = Field(sa_type=text_enum(StatementState))
    rule_used: str = Field(default="", max_length=100)
    closed_by: str = Field(default="", max_length=64)
    closed_at: datetime | None = None


class StatementLine(Base, table=True):
    """对账单明细, in 分; a negative amount is a return."""

    __tablename__ = "statement_line"
    __table_args__ = (
        sa.UniqueConstraint("statement_id", "side", "position"),
        sa.Index(None, "record_id"),
        sa.Index(None, "statement_id", "match"),
    )

    id: UUID = Field(primary_key=True)
    statement_id: UUID = Field(foreign_key="statement.id")
    side: Side = Field(sa_type=text_enum(Side))
    position: int
    voucher_no: str = Field(default="", max_length=100)
    amount: int = Field(sa_type=Fen)
    happened_on: date
    payee: str = Field(default="", max_length=200)
    purpose: str = Field(default="", max_length=500)
    match: MatchResult = Field(sa_type=text_enum(MatchResult))
    explanation: str = Field(default="", max_length=1000)
    record_id: UUID | None = None
    our_amount: int | None = Field(default=None, sa_type=Fen)
    group_no: int | None = Field(default=None, description="lines of both sides that agree only together")
    resolution: str = Field(default="", sa_type=sa.Text)
    resolved_by: str = Field(default="", max_length=64)
    resolved_at: datetime | None = None
