"""The table of device keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from shared.db import JSON


class DeviceKey(Base, table=True):
    """设备密钥: a P-256 public key of a person's phone; its thumbprint (RFC 7638) is the `kid` of signatures."""

    __tablename__ = "device_key"
    __table_args__ = (sa.UniqueConstraint("account_id", "thumbprint"),)

    id: UUID = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", max_length=64, index=True)
    thumbprint: str = Field(max_length=43)
    public_key: dict[str, Any] = Field(sa_type=JSON)
    name: str = Field(max_length=60)
    registered_at: datetime
    revoked_at: datetime | None = None
