"""Table of allocations. The amount never changes; balances are in the ledger."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from shared.db import Fen, Record


class Allocation(Base, Record, table=True):
    """资金安排(下达). Its id is that of the plan line; its region is that of the project, so that a town sees its own."""

    __tablename__ = "allocation"
    __table_args__ = (
        sa.Index(None, "region", "issued_on", "id"),
        sa.Index(None, "project_id", "id"),
        sa.Index(None, "source_id", "id"),
        sa.Index(None, "plan_id", "id"),
    )

    plan_id: UUID
    source_id: UUID
    project_id: UUID
    project_name: str = Field(max_length=300)
    document_no: str = Field(max_length=100)
    year: int
    amount: int = Field(sa_type=Fen)
    issued_on: date
    management_fee: bool = False
    industry: bool = False
