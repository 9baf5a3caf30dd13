"""Table of funding commitments."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from shared.db import Fen


class Commitment(Base, table=True):
    """财政登记的资金安排. Its id is that of the plan line in funds; it is open until it is released or issued."""

    __tablename__ = "commitment"
    __table_args__ = (sa.Index(None, "project_id", "id"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    plan_id: UUID
    amount: int = Field(sa_type=Fen)
    document_no: str = Field(default="", max_length=100)
    committed_at: datetime
    issued_at: datetime | None = None
    released_at: datetime | None = None
