"""The tables of sessions and refresh tokens."""

from datetime import datetime

from sqlmodel import Field

from services.identity.base import Base


class Session(Base, table=True):
    """会话: one sign-in of an account, from its first token to its end; tokens name it by `sid`."""

    __tablename__ = "session"

    id: str = Field(primary_key=True, max_length=64)
    account_id: str = Field(max_length=64, index=True)
    method: str = Field(max_length=200)
    source: str = Field(default="", max_length=64)
    """Network address of the last sign-in or refresh."""
    agent: str = Field(default="", max_length=200)
    """What the client calls itself (User-Agent)."""
    generation: int = 0
    """Counted up when grants change: access tokens of an earlier generation are refused within seconds."""
    started_at: datetime
    used_at: datetime
    expires_at: datetime = Field(index=True)
    changed_at: datetime = Field(index=True)
    """When the generation or the end changed; services ask for what changed of late."""
    ended_at: datetime | None = None
    end_reason: str = Field(default="", max_length=20)


class RefreshToken(Base, table=True):
    """刷新令牌: its digest, the session (family) it belongs to, and whether it was used."""

    __tablename__ = "refresh_token"

    digest: str = Field(primary_key=True, max_length=64)
    family: str = Field(max_length=64, index=True)
    account_id: str = Field(max_length=64, index=True)
    outside: bool = False
    """Signed in by an outside issuer."""
    superseded: bool = False
    """Replaced by another answer to a repeated refresh; its use shows that two hands hold the session."""
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
