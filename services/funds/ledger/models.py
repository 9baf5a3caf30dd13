"""Tables of the ledger: append-only entries and postings; accounts carry the running balance."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.ledger.accounts import AccountKind, EntryKind
from shared.db import Fen, Record, text_enum


class LedgerAccount(Base, table=True):
    """账户余额. Changed only by `balance = balance + x` in SQL, rows locked in the order of ids; never below zero."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        sa.CheckConstraint("balance >= 0", name="not_negative"),
        sa.Index(None, "source_id", "kind"),
        sa.Index(None, "project_id", "kind"),
        sa.Index(None, "allocation_id"),
        sa.Index(None, "region", "year", "kind"),
    )

    id: UUID = Field(primary_key=True)
    kind: AccountKind = Field(sa_type=text_enum(AccountKind))
    source_id: UUID
    project_id: UUID | None = None
    allocation_id: UUID | None = None
    payee: str = Field(default="", max_length=200)
    year: int
    region: str = Field(max_length=12)
    balance: int = Field(default=0, sa_type=Fen)
    closed_year: int = Field(default=0, description="no entry of this year or before moves it any more")


class LedgerEntry(Base, table=True):
    """分录: one business event. The unique `key` makes posting idempotent."""

    __tablename__ = "ledger_entry"
    __table_args__ = (sa.Index(None, "region", "happened_on", "id"), sa.Index(None, "subject"))

    id: UUID = Field(primary_key=True)
    key: str = Field(max_length=120, unique=True)
    kind: EntryKind = Field(sa_type=text_enum(EntryKind))
    subject: str = Field(max_length=64)
    document_no: str = Field(default="", max_length=100)
    amount: int = Field(sa_type=Fen)
    region: str = Field(max_length=12)
    happened_on: date
    recorded_at: datetime
    recorded_by: str = Field(max_length=64)
    reason: str = Field(default="", sa_type=sa.Text)


class LedgerPosting(Base, table=True):
    """分录行. Debits are positive, credits negative; the sum over an entry is zero."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        sa.Index(None, "account_id", "happened_on"),
        # Deferred to the commit: postings are inserted before the accounts are locked, to hold the locks briefly.
        sa.ForeignKeyConstraint(["account_id"], ["ledger_account.id"], deferrable=True, initially="DEFERRED"),
    )

    entry_id: UUID = Field(primary_key=True, foreign_key="ledger_entry.id")
    position: int = Field(primary_key=True)
    account_id: UUID
    amount: int = Field(sa_type=Fen)
    happened_on: date


class YearClosing(Base, Record, table=True):
    """年终结账. No entry dated in this year or before is accepted while the closing is in force."""

    __tablename__ = "year_closing"
    __table_args__ = (sa.UniqueConstraint("region", "year", "round"),)

    year: int
    round: int = 1
    """Sequence number of this closing within the year (1 = first)."""
    reopened_at: datetime | None = None
    note: str = Field(default="", sa_type=sa.Text)
