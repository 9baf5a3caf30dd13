"""Table of the contract register."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from shared.db import JSON, Fen, Record


class Contract(Base, Record, table=True):
    """合同. Its region is that of the project. A changed amount is a settlement, stored beside the signed amount."""

    __tablename__ = "contract"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "number"),
        sa.Index(None, "region", "signed_on", "id"),
        sa.Index(None, "project_id", "id"),
    )

    project_id: UUID
    project_name: str = Field(max_length=300)
    number: str = Field(max_length=100)
    title: str = Field(max_length=300)
    party: str = Field(max_length=200)
    party_code: str = Field(default="", max_length=18)
    amount: int = Field(sa_type=Fen)
    settled: int | None = Field(default=None, sa_type=Fen)
    settlement_no: str = Field(default="", max_length=100)
    retention_percent: str = Field(default="0", max_length=6)
    signed_on: date
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    rule_used: str = Field(default="", max_length=80)

    @property
    def payable(self) -> int:
        """Maximum payable under the contract, in 分: the settled amount if there is one, else the signed amount."""
        return self.amount if self.settled is None else self.settled
