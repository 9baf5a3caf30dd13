"""Tables of rights documents and their items."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.register.schemas import OwnerKind
from services.assets.transfers.lifecycle import TransferKind, TransferState
from shared.db import JSON, Record, text_enum


class Transfer(Base, Record, table=True):
    """权属文书. Its region holds all its assets."""

    __tablename__ = "transfer"
    __table_args__ = (sa.Index(None, "region", "created_at", "id"),)

    kind: TransferKind = Field(sa_type=text_enum(TransferKind))
    number: str = Field(default="", max_length=100)
    title: str = Field(max_length=200)
    giver: str = Field(default="", max_length=200)
    receiver: str = Field(default="", max_length=200)
    owner_kind: OwnerKind | None = Field(default=None, sa_type=text_enum(OwnerKind))
    owner_name: str = Field(default="", max_length=200)
    owner_code: str = Field(default="", max_length=18)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", sa_type=sa.Text)
    state: TransferState = Field(sa_type=text_enum(TransferState))
    state_since: datetime
    submitted_by: str = Field(default="", max_length=64)
    given_by: str = Field(default="", max_length=64)
    closed_by: str = Field(default="", max_length=64)


class TransferItem(Base, table=True):
    """列入文书的一项资产, with its owner before the transfer."""

    __tablename__ = "transfer_item"
    __table_args__ = (sa.Index(None, "asset_id"),)

    transfer_id: UUID = Field(foreign_key="transfer.id", primary_key=True)
    asset_id: UUID = Field(foreign_key="asset.id", primary_key=True)
    certificate_no: str = Field(default="", max_length=100)
    previous_owner: str = Field(default="", max_length=200)
