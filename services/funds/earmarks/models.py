"""Table of earmarked amounts."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.funds.base import Base
from shared.db import JSON, Fen, Record


class Earmark(Base, Record, table=True):
    """切块额度. Its region is that of the town, or of the county for a unit of the county. Money moves with plans only.

    `amounts`: {"category": 类别, "amount": 元 as in JSON}, in the order of the table's columns; `total` is their sum.
    """

    __tablename__ = "earmark"
    __table_args__ = (
        sa.UniqueConstraint("region", "year", "title", "unit"),
        sa.Index(None, "region", "year", "id"),
    )

    year: int
    title: str = Field(max_length=300)
    unit: str = Field(max_length=100)
    amounts: list[dict[str, str]] = Field(sa_type=JSON)
    total: int = Field(sa_type=Fen)
    source_id: UUID | None = Field(default=None, foreign_key="source.id")
    note: str = Field(default="", max_length=500)
