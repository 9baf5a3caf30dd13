"""Table of the deposit book."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.deposits.lifecycle import DepositState
from services.assets.deposits.schemas import DepositKind
from shared.db import JSON, Fen, Record, text_enum


class Deposit(Base, Record, table=True):
    """保证金记账: money of a contract that is not income. Its region is the contract's; it counts while it is confirmed."""

    __tablename__ = "deposit"
    __table_args__ = (
        sa.Index(None, "contract_id", "happened_on"),
        sa.Index(None, "region", "happened_on", "id"),
    )

    contract_id: UUID = Field(foreign_key="operating_contract.id")
    asset_id: UUID = Field(foreign_key="asset.id")
    kind: DepositKind = Field(sa_type=text_enum(DepositKind))
    amount: int = Field(sa_type=Fen)
    happened_on: date
    party: str = Field(max_length=200)
    voucher_no: str = Field(max_length=100)
    reason: str = Field(default="", sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: DepositState = Field(sa_type=text_enum(DepositState))
    state_since: datetime
    confirmed_by: str = Field(default="", max_length=64)
    receipt_id: UUID | None = None
