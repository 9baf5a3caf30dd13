"""The table of pulls: which cursor stands behind the number that a WatermelonDB keeps."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.sync.base import Base
from shared.db import JSON


class SyncPull(Base, table=True):
    """拉取: WatermelonDB keeps one number, `lastPulledAt`; this is the cursor over all services that it stands for."""

    __tablename__ = "sync_pull"
    __table_args__ = (sa.Index(None, "created_at"), sa.Index(None, "number"))

    account: str = Field(primary_key=True, max_length=64)
    number: int = Field(sa_type=sa.BigInteger, primary_key=True)
    """Milliseconds of its time, later than every earlier number of the account."""
    cursor: str = Field(sa_type=sa.Text)
    anew: list[str] = Field(sa_type=JSON)
    """Tables that the next pull sends whole: the phone deleted rows of them that stay."""
    created_at: datetime
