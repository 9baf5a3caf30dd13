"""The tables of issuers."""

from datetime import datetime

from sqlmodel import Field

from services.identity.base import Base


class IssuerBinding(Base, table=True):
    """绑定: the person an issuer calls `subject` signs in as this account, and as no other."""

    __tablename__ = "issuer_binding"

    issuer: str = Field(primary_key=True, max_length=200)
    subject: str = Field(primary_key=True, max_length=200)
    account_id: str = Field(max_length=64, foreign_key="account.id", index=True)
    created_at: datetime
    created_by: str = Field(max_length=64)


class UsedIdToken(Base, table=True):
    """用过的外部令牌: the digest of a token that was exchanged; a second exchange is refused."""

    __tablename__ = "used_id_token"

    digest: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(index=True)
