"""Table of small loans."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.households.base import Base
from services.households.loans.lifecycle import LoanState
from shared.db import Fen, Record, text_enum


class SmallLoan(Base, Record, table=True):
    """脱贫人口小额信贷. Name and id number are sealed; `id_mark` links the borrower to a household. Amounts in 分, `rate` in % a year."""

    __tablename__ = "small_loan"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "state", "due_on", "id"),
        sa.Index(None, "id_mark", "lent_on", "id"),
    )

    name_sealed: str = Field(sa_type=sa.Text)
    name_masked: str = Field(max_length=50)
    id_no_sealed: str = Field(sa_type=sa.Text)
    id_mark: str = Field(max_length=32)
    bank: str = Field(max_length=100)
    principal: int = Field(sa_type=Fen)
    balance: int = Field(sa_type=Fen)
    subsidy: int = Field(default=0, sa_type=Fen)
    rate: str = Field(max_length=10)
    lent_on: date
    due_on: date
    purpose: str = Field(max_length=200)
    extensions: int = 0
    settled_on: date | None = None
    rule_ref: str = Field(default="", max_length=100)
    state: LoanState = Field(sa_type=text_enum(LoanState))
    state_since: datetime
