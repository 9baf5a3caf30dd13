"""Tables of fund documents and their adjustments. Amounts are the document's; balances are in the ledger."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from services.funds.sources.schemas import Fund, FundLevel, SourceAdjustmentKind, SourceOrigin, Task
from shared.db import JSON, Fen, Record, text_enum


class Source(Base, Record, table=True):
    """资金来源(指标文)."""

    __tablename__ = "source"
    __table_args__ = (
        sa.UniqueConstraint("region", "document_no", "level", "fund", "task", "fiscal_year"),
        sa.Index(None, "region", "received_on", "id"),
        sa.Index(None, "region", "fiscal_year", "id"),
        sa.Index(None, "document_no"),
        sa.Index(None, "document_key"),
    )

    document_no: str = Field(max_length=100)
    upper_document_no: str = Field(default="", max_length=100)
    title: str = Field(max_length=300)
    fiscal_year: int
    level: FundLevel = Field(sa_type=text_enum(FundLevel))
    fund: Fund = Field(sa_type=text_enum(Fund))
    task: Task = Field(sa_type=text_enum(Task))
    origin: SourceOrigin = Field(sa_type=text_enum(SourceOrigin))
    transfer_code: str = Field(default="", max_length=40)
    function_subject: str = Field(default="", max_length=20)
    government_subject: str = Field(default="", max_length=20)
    department_subject: str = Field(default="", max_length=20)
    amount: int = Field(sa_type=Fen)
    document_date: date
    received_on: date
    carried_from: UUID | None = None
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", sa_type=sa.Text)
    document_key: str = Field(
        default="",
        max_length=100,
        sa_column_kwargs={"server_default": ""},
        description="the number for comparison",
    )


class SourceAdjustment(Base, table=True):
    """指标调整明细: 追加, 追减, 收回. Append-only; a mistake is corrected by an opposite adjustment."""

    __tablename__ = "source_adjustment"
    __table_args__ = (sa.Index(None, "source_id", "id"), sa.Index(None, "created_at", "id"))

    id: UUID = Field(primary_key=True)
    source_id: UUID = Field(foreign_key="source.id")
    kind: SourceAdjustmentKind = Field(sa_type=text_enum(SourceAdjustmentKind))
    amount: int = Field(sa_type=Fen)
    document_no: str = Field(max_length=100)
    happened_on: date
    reason: str = Field(default="", sa_type=sa.Text)
    created_at: datetime
    created_by: str = Field(max_length=64)
