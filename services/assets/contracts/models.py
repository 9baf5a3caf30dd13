"""Tables of operating contracts, receivables and receipts. Receipts are only inserted."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.schemas import OperatingMode, SettlementPeriod
from shared.db import JSON, Fen, Record, text_enum


class OperatingContract(Base, Record, table=True):
    """经营合同. Its region is the asset's."""

    __tablename__ = "operating_contract"
    __table_args__ = (
        sa.Index(None, "asset_id", "starts_on"),
        sa.Index(None, "region", "ends_on", "id"),
        sa.Index(None, "state", "ends_on", "id"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    number: str = Field(max_length=100)
    mode: OperatingMode = Field(sa_type=text_enum(OperatingMode))
    operator: str = Field(max_length=200)
    operator_code: str = Field(default="", max_length=18)
    operator_gone: bool = False
    """Whether the operator is deregistered or cannot be reached."""
    starts_on: date
    ends_on: date
    amount: int = Field(sa_type=Fen)
    period: SettlementPeriod = Field(sa_type=text_enum(SettlementPeriod))
    first_due_on: date
    steps: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    deposit: int = Field(default=0, sa_type=Fen)
    prorated: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Whether the rent of a broken last period counts by days."""
    households: int = 0
    previous_id: UUID | None = None
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", sa_type=sa.Text)
    state: ContractState = Field(sa_type=text_enum(ContractState))
    state_since: datetime
    signed_by: str = Field(default="", max_length=64)


class Receivable(Base, Record, table=True):
    """应收: an amount due on a day. Its region is the asset's; `open` while part of it is unpaid."""

    __tablename__ = "receivable"
    __table_args__ = (
        sa.Index(None, "contract_id", "number", unique=True),
        sa.Index(None, "region", "open", "due_on", "id"),
        sa.Index(None, "open", "due_on", "id"),
        sa.Index(None, "region", "due_on", "id"),
        sa.Index(None, "due_on", "id"),
        sa.Index(None, "asset_id", "due_on"),
    )

    contract_id: UUID = Field(foreign_key="operating_contract.id")
    asset_id: UUID = Field(foreign_key="asset.id")
    number: int
    due_on: date
    amount: int = Field(sa_type=Fen)
    """What is owed: as agreed, less what was waived."""
    waived: int = Field(default=0, sa_type=Fen, sa_column_kwargs={"server_default": "0"})
    received: int = Field(default=0, sa_type=Fen)
    open: bool = True
    void: bool = False
    """Whether the contract ended before the due date."""


class Receipt(Base, Record, table=True):
    """实收: money received; negative when it reverses an earlier receipt. Its region is the asset's."""

    __tablename__ = "receipt"
    __table_args__ = (
        sa.Index(None, "region", "received_on", "id"),
        sa.Index(None, "asset_id", "received_on"),
        sa.Index(None, "contract_id", "id"),
        sa.Index(None, "reverses", unique=True),
        sa.Index(None, "region", "owner_name"),
    )

    asset_id: UUID = Field(foreign_key="asset.id")
    contract_id: UUID | None = Field(default=None, foreign_key="operating_contract.id")
    amount: int = Field(sa_type=Fen)
    received_on: date
    payer: str = Field(max_length=200)
    voucher_no: str = Field(max_length=100)
    kind: str = Field(default="rent", max_length=40)
    reverses: UUID | None = None
    note: str = Field(default="", sa_type=sa.Text)
    owner_name: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    """The owner of the asset on the day it was recorded, whose income it is."""


class ReceiptPart(Base, table=True):
    """一笔实收核销了哪项应收."""

    __tablename__ = "receipt_part"
    __table_args__ = (sa.Index(None, "receivable_id"),)

    receipt_id: UUID = Field(foreign_key="receipt.id", primary_key=True)
    receivable_id: UUID = Field(foreign_key="receivable.id", primary_key=True)
    amount: int = Field(sa_type=Fen)
