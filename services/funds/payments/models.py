"""Tables of payments, refunds and beneficiaries.

Account and ID numbers are encrypted; a keyed hash of the ID number finds people who occur repeatedly.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.schemas import BeneficiaryState, PayeeKind
from shared.clients.projects import TextScreening
from shared.db import JSON, Fen, Record, text_enum

BLOCK_VERDICT = "block"
"""Screening verdict that blocks a payment until a reviewer clears it."""


class Payment(Base, Record, table=True):
    """支付申请及其结果. Its region is that of the project."""

    __tablename__ = "payment"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "allocation_id", "id"),
        sa.Index(None, "project_id", "id"),
        sa.Index(None, "payee_key", "paid_on"),
        sa.Index(None, "contract_id"),
        sa.Index(None, "screened", "state"),
        sa.Index(None, "paid_on", "region"),
        sa.Index(None, "applied_on", "region"),
    )

    allocation_id: UUID = Field(foreign_key="allocation.id")
    source_id: UUID
    project_id: UUID
    contract_id: UUID | None = None
    year: int
    amount: int = Field(sa_type=Fen)
    refunded: int = Field(default=0, sa_type=Fen)
    payee_kind: PayeeKind = Field(sa_type=text_enum(PayeeKind))
    payee_name: str = Field(max_length=200)
    payee_code: str = Field(default="", max_length=18)
    payee_key: str = Field(max_length=200)
    account_sealed: str = Field(default="", sa_type=sa.Text)
    account_masked: str = Field(default="", max_length=40)
    bank: str = Field(default="", max_length=200)
    purpose: str = Field(max_length=500)
    advance: bool = False
    economic_subject: str = Field(default="", max_length=20)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: PaymentState = Field(sa_type=text_enum(PaymentState))
    state_since: datetime
    submitted_by: str = Field(default="", max_length=64)
    reviewed_by: str = Field(default="", max_length=64)
    approved_by: str = Field(default="", max_length=64)
    voucher_no: str = Field(default="", max_length=100)
    applied_on: date | None = None
    paid_on: date | None = None
    bank_result: str = Field(default="", max_length=500)
    rounds: int = 0
    managing_unit: str = Field(default="", max_length=200)
    screened: str = Field(default="", max_length=20)
    screening: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    cleared_by: str = Field(default="", max_length=64)
    clearance: str = Field(default="", max_length=2000)
    rules_used: list[str] = Field(default_factory=list, sa_type=JSON)

    @property
    def is_held(self) -> bool:
        """Whether the screening verdict of the purpose is BLOCK and no reviewer has cleared it."""
        return self.screened == BLOCK_VERDICT and not self.cleared_by

    def set_screening(self, screening: TextScreening | None) -> None:
        """Store the screening of the submitted purpose; a clearance of an earlier text is dropped."""
        self.screened = screening.verdict if screening else ""
        self.screening = screening.model_dump() if screening else {}
        self.cleared_by = self.clearance = ""


class Refund(Base, table=True):
    """退款: part of a payment that was returned. Append-only."""

    __tablename__ = "refund"
    __table_args__ = (sa.Index(None, "payment_id", "id"), sa.Index(None, "created_at", "id"))

    id: UUID = Field(primary_key=True)
    payment_id: UUID = Field(foreign_key="payment.id")
    amount: int = Field(sa_type=Fen)
    voucher_no: str = Field(max_length=100)
    happened_on: date
    reason: str = Field(sa_type=sa.Text)
    created_at: datetime
    created_by: str = Field(max_length=64)


class Beneficiary(Base, table=True):
    """一卡通名单的一户. Replaced with its list while the payment is in DRAFT state; afterwards only marked FAILED."""

    __tablename__ = "beneficiary"
    __table_args__ = (sa.UniqueConstraint("payment_id", "position"), sa.Index(None, "card_index"))

    id: UUID = Field(primary_key=True)
    payment_id: UUID = Field(foreign_key="payment.id")
    position: int
    amount: int = Field(sa_type=Fen)
    place: str = Field(default="", max_length=200)
    bank: str = Field(default="", max_length=200)
    name_masked: str = Field(max_length=40)
    card_masked: str = Field(max_length=40)
    account_masked: str = Field(max_length=40)
    name_sealed: str = Field(sa_type=sa.Text)
    card_sealed: str = Field(sa_type=sa.Text)
    account_sealed: str = Field(sa_type=sa.Text)
    card_index: str = Field(max_length=32)
    state: BeneficiaryState = Field(default=BeneficiaryState.LISTED, sa_type=text_enum(BeneficiaryState))
    failure: str = Field(default="", max_length=500)
