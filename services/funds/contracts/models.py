"""Table of the contract register."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.percentages import parse_hundredths
from shared.china import format_yuan
from shared.db import JSON, Fen, Record


class Contract(Base, Record, table=True):
    """合同. Its region is that of the project. A changed amount is a settlement, stored beside the signed amount."""

    __tablename__ = "contract"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "number"),
        sa.Index(None, "region", "signed_on", "id"),
        sa.Index(None, "project_id", "id"),
        sa.Index(None, "retention_due_on", "id"),
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
    award_price: int | None = Field(default=None, sa_type=Fen)
    starts_on: date | None = None
    ends_on: date | None = None
    defects_months: int | None = None
    managing_unit: str = Field(default="", max_length=200)
    retention_due_on: date | None = None
    retention_released: int | None = Field(default=None, sa_type=Fen)
    retention_released_on: date | None = None
    release_file_ids: list[str] | None = Field(default=None, sa_type=JSON)
    signed_on: date
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    rule_used: str = Field(default="", max_length=80)

    @property
    def payable(self) -> int:
        """Maximum payable under the contract, in 分: the settled amount if there is one, else the signed amount."""
        return self.amount if self.settled is None else self.settled

    @property
    def retention(self) -> int:
        """Retention money (质量保证金) in 分: its percentage of the settled amount, or of the signed amount before."""
        return self.payable * parse_hundredths(self.retention_percent) // 10_000

    @property
    def duration_days(self) -> int | None:
        """The contract period (工期) in calendar days, both ends counted; None when it is not known."""
        return (self.ends_on - self.starts_on).days + 1 if self.starts_on and self.ends_on else None

    @property
    def retention_status(self) -> str:
        """What is known of the retention money, in words; empty without any."""
        if not self.retention:
            return ""
        if self.retention_released_on:
            state = f"{self.retention_released_on} 返还"
        else:
            state = f"{self.retention_due_on} 到期" if self.retention_due_on else "未验收"
        return f"质保金 {format_yuan(self.retention)} 元, {state}"
