"""The tables of passkeys."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from shared.db import text_enum


class Ceremony(StrEnum):
    """What a challenge was given for; it is good for nothing else."""

    REGISTRATION = "registration"
    SIGN_IN = "sign_in"
    PROOF = "proof"
    """A signed-in person confirms a change of their second factors."""


class Passkey(Base, table=True):
    """通行密钥: the public key of a credential that an authenticator of this account holds."""

    __tablename__ = "passkey"

    id: UUID = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", max_length=64, index=True)
    credential_id: str = Field(max_length=1364, unique=True)
    """The authenticator's name for it, base64url of at most 1023 bytes."""
    credential: bytes = Field(sa_type=sa.LargeBinary)
    """The attested credential data: AAGUID, credential id, COSE public key."""
    transports: str = Field(default="", max_length=80)
    """How browsers reach the authenticator, separated by spaces."""
    name: str = Field(max_length=60)
    sign_count: int = Field(default=0, sa_type=sa.BigInteger)
    """The authenticator's count of signatures when it was last used; 0 where it keeps none."""
    created_at: datetime
    used_at: datetime | None = None


class PasskeyChallenge(Base, table=True):
    """质询: random bytes that an authenticator signs, good once, for minutes, for one account, session and ceremony."""

    __tablename__ = "passkey_challenge"

    challenge: str = Field(primary_key=True, max_length=43)
    account_id: str = Field(foreign_key="account.id", max_length=64, index=True)
    session_id: str = Field(default="", max_length=64)
    """The session that asked for it; empty at the sign-in, before there is one."""
    ceremony: Ceremony = Field(sa_type=text_enum(Ceremony))
    expires_at: datetime = Field(index=True)
