"""Households of a batch. Names, ID numbers and accounts are sealed; a keyed hash finds the same person again."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.batches.kinds import RowState
from shared.db import text_enum


class Beneficiary(Base, table=True):
    """一卡通名单的一户. Replaced with its list while the payment is written, only marked afterwards."""

    __tablename__ = "beneficiary"
    __table_args__ = (sa.UniqueConstraint("payment_id", "position"), sa.Index(None, "card_index"))

    id: UUID = Field(primary_key=True)
    payment_id: UUID = Field(foreign_key="payment.id")
    position: int
    amount: int = Field(sa_type=sa.BigInteger)
    place: str = Field(default="", max_length=200)
    bank: str = Field(default="", max_length=200)
    name_masked: str = Field(max_length=40)
    card_masked: str = Field(max_length=40)
    account_masked: str = Field(max_length=40)
    name_sealed: str = Field(sa_type=sa.Text)
    card_sealed: str = Field(sa_type=sa.Text)
    account_sealed: str = Field(sa_type=sa.Text)
    card_index: str = Field(max_length=32)
    state: RowState = Field(default=RowState.LISTED, sa_type=text_enum(RowState))
    failure: str = Field(default="", max_length=500)
