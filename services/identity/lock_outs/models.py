"""The table of sign-in counts."""

from datetime import datetime

from sqlmodel import Field

from services.identity.base import Base


class SignInCount(Base, table=True):
    """登录计数: the failures of one name from one source since its last success there.

    Names that no account has are counted alike, so that an answer never tells whether a name exists. A name is stored as
    a keyed hash: people type passwords into the field of the name.
    """

    __tablename__ = "sign_in_count"

    name_hash: str = Field(primary_key=True, max_length=32)
    source: str = Field(primary_key=True, max_length=64)
    failures: int = 0
    locked_until: datetime | None = None
    last_success_at: datetime | None = None
    updated_at: datetime = Field(index=True)
