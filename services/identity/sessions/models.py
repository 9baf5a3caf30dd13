"""The table of refresh tokens."""

from datetime import datetime

from sqlmodel import Field

from services.identity.base import Base


class RefreshToken(Base, table=True):
    """刷新令牌: its digest, the family it descends from, and whether it was used."""

    __tablename__ = "refresh_token"

    digest: str = Field(primary_key=True, max_length=64)
    family: str = Field(max_length=64, index=True)
    account_id: str = Field(max_length=64, index=True)
    outside: bool = False
    """Signed in by an outside issuer."""
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
