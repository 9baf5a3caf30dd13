"""The table of signing keys."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base


class SigningKey(Base, table=True):
    """签名密钥: the private key sealed with the installation's data key."""

    __tablename__ = "signing_key"

    kid: str = Field(primary_key=True, max_length=64)
    sealed: str = Field(sa_type=sa.Text)
    created_at: datetime
    retired_at: datetime | None = None
