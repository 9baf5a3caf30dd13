"""The table of handovers."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from shared.db import JSON, Record


class Handover(Base, Record, table=True):
    """工作移交: who handed over to whom, from which day, and the grants that moved. Its region is the account's."""

    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "account_id"),
        sa.Index(None, "successor_id"),
    )

    account_id: str = Field(foreign_key="account.id", max_length=64)
    account_name: str = Field(max_length=50)
    successor_id: str = Field(foreign_key="account.id", max_length=64)
    successor_name: str = Field(max_length=50)
    starts_on: date
    reason: str = Field(max_length=500)
    moved: list[dict[str, Any]] = Field(sa_type=JSON)
    """Grants that the successor received: role, region, valid_from, valid_to."""
