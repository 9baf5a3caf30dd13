"""The tables of second factors."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base


class SecondFactor(Base, table=True):
    """动态口令: the secret of an account, encrypted; it counts once a first code confirmed it."""

    __tablename__ = "second_factor"

    account_id: str = Field(primary_key=True, max_length=64, foreign_key="account.id")
    secret: str = Field(sa_type=sa.Text)
    replacement: str | None = Field(default=None, sa_type=sa.Text)
    """The secret of a new phone, encrypted; it takes the place of `secret` when a code confirms it."""
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = Field(default=0)
    """The time step of the last code that was accepted; it and older ones are refused."""


class RecoveryCode(Base, table=True):
    """恢复码: the digest of a code that stands in for the second factor once."""

    __tablename__ = "recovery_code"

    digest: str = Field(primary_key=True, max_length=64)
    account_id: str = Field(max_length=64, foreign_key="account.id", index=True)
    created_at: datetime
    used_at: datetime | None = None
