"""Tables of income and its distribution. Postings are only inserted; balances are their running sums."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.distributions.lifecycle import DistributionState
from services.assets.distributions.schemas import IncomeAccount, IncomePurpose
from shared.db import JSON, Fen, Record, text_enum


class IncomePosting(Base, table=True):
    """收益账的一笔: a change of one account of a village or town. Rows are only inserted."""

    __tablename__ = "income_posting"
    __table_args__ = (
        sa.Index(None, "region", "happened_on", "id"),
        sa.UniqueConstraint("mark", "account"),
    )

    id: UUID = Field(primary_key=True)
    mark: str = Field(max_length=80)
    """Business key that makes the posting unique: receipt:…, plan:…, payout:…, return:…"""
    region: str = Field(max_length=12)
    account: IncomeAccount = Field(sa_type=text_enum(IncomeAccount))
    amount: int = Field(sa_type=Fen)
    happened_on: date
    created_at: datetime
    created_by: str = Field(max_length=64)


class IncomeBalance(Base, table=True):
    """收益账户余额: the running sum of its postings."""

    __tablename__ = "income_balance"

    region: str = Field(primary_key=True, max_length=12)
    account: IncomeAccount = Field(sa_type=text_enum(IncomeAccount), primary_key=True)
    amount: int = Field(sa_type=Fen)


class Distribution(Base, Record, table=True):
    """收益分配方案. Its region is the owner's: a village or a town."""

    __tablename__ = "distribution"
    __table_args__ = (sa.Index(None, "region", "year", "id"), sa.Index(None, "created_at", "id"))

    owner_name: str = Field(max_length=200)
    year: int
    title: str = Field(max_length=200)
    lines: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    total: int = Field(default=0, sa_type=Fen)
    steps: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    note: str = Field(default="", sa_type=sa.Text)
    state: DistributionState = Field(sa_type=text_enum(DistributionState))
    state_since: datetime
    submitted_by: str = Field(default="", max_length=64)
    approved_by: str = Field(default="", max_length=64)


class Payout(Base, Record, table=True):
    """发放名单的一笔. The account is encrypted; the region is the plan's."""

    __tablename__ = "payout"
    __table_args__ = (sa.Index(None, "distribution_id", "id"),)

    distribution_id: UUID = Field(foreign_key="distribution.id")
    purpose: IncomePurpose = Field(sa_type=text_enum(IncomePurpose))
    payee: str = Field(max_length=100)
    account_sealed: str = Field(default="", sa_type=sa.Text)
    account_masked: str = Field(default="", max_length=40)
    amount: int = Field(sa_type=Fen)
    basis: str = Field(default="", max_length=200)
    paid_on: date | None = None
    voucher_no: str = Field(default="", max_length=100)
    paid_by: str = Field(default="", max_length=64)
    returns: int = 0
    """How often a payment of it was returned."""
    withdrawn: str = Field(default="", sa_type=sa.Text)
    """Reason for the withdrawal from the list; empty while it is valid."""
