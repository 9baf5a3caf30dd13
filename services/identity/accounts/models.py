"""The tables of accounts."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from shared.auth import Role
from shared.db import text_enum


class Account(Base, table=True):
    """账号: an account of a person, or a machine client (kind). Tokens, logs and records name its id.

    `person_id` names the person behind it: its own id, or that of another account of the same person.
    """

    __table_args__ = (
        sa.Index("ix_account_region_id", "region", "id"),
        sa.Index("ix_account_kind_id", "kind", "id"),
    )

    id: str = Field(primary_key=True, max_length=64)
    person_id: str = Field(default="", max_length=64, index=True)
    person_name: str = Field(default="", max_length=50)
    kind: str = Field(default="user", max_length=10)
    name: str = Field(max_length=50)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    region: str = Field(max_length=12)
    secret: str = Field(sa_type=sa.Text)
    """Argon2 hash; empty when the account signs in through an external identity provider only."""
    scopes: str = Field(default="", sa_type=sa.Text)
    must_change: bool = False
    disabled: bool = False
    password_changed_at: datetime | None = None
    version: int = 1
    created_at: datetime
    created_by: str = Field(max_length=64)
    updated_at: datetime


class FormerPassword(Base, table=True):
    """用过的口令: a password hash that an account had before, so that it is not used again."""

    __tablename__ = "former_password"

    id: int | None = Field(default=None, primary_key=True)
    account_id: str = Field(foreign_key="account.id", max_length=64, index=True)
    secret: str = Field(sa_type=sa.Text)
    replaced_at: datetime


class RoleGrant(Base, table=True):
    """授权: a role in a region from a day to a day (inclusive; open-ended without `valid_to`).

    One that is `waiting` gives no rights until a second person has confirmed it.
    """

    __tablename__ = "grant"

    id: int | None = Field(default=None, primary_key=True)
    account_id: str = Field(foreign_key="account.id", max_length=64, index=True)
    role: Role = Field(sa_type=text_enum(Role))
    region: str = Field(max_length=12)
    valid_from: date
    valid_to: date | None = None
    granted_by: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    waiting: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    confirmed_by: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
