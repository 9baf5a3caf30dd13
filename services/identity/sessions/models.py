"""The table of refresh tokens."""

from datetime import datetime

from sqlmodel import Field

from services.identity.base import Base


class RefreshToken(Base, table=True):
    """刷新令牌. Stored as a digest; all tokens that descend from one sign-in share a family."""

    __tablename__ = "refresh_token"

    digest: str = Field(primary_key=True, max_length=64)
    family: str = Field(max_length=64, index=True)
    account_id: str = Field(max_length=64, index=True)
    outside: bool = False
    """Whether the sign-in came from an external identity provider."""
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
