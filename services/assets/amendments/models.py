"""Table of amendments of operating contracts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.amendments.lifecycle import AmendmentState
from services.assets.amendments.schemas import AmendmentKind
from services.assets.base import Base
from shared.db import JSON, Fen, Record, text_enum


class ContractAmendment(Base, Record, table=True):
    """合同变更. Its region is the contract's; `ends_on` and `amount` are None where they stay."""

    __tablename__ = "contract_amendment"
    __table_args__ = (
        sa.Index(None, "contract_id", "id"),
        sa.Index(None, "region", "state", "created_at", "id"),
    )

    contract_id: UUID = Field(foreign_key="operating_contract.id")
    asset_id: UUID = Field(foreign_key="asset.id")
    kind: AmendmentKind = Field(sa_type=text_enum(AmendmentKind))
    effective_on: date
    waivers: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    waived: int = Field(default=0, sa_type=Fen)
    ends_on: date | None = None
    amount: int | None = Field(default=None, sa_type=Fen)
    document_no: str = Field(default="", max_length=100)
    reason: str = Field(sa_type=sa.Text)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    state: AmendmentState = Field(sa_type=text_enum(AmendmentState))
    state_since: datetime
    approved_by: str = Field(default="", max_length=64)
