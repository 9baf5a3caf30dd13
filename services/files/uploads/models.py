"""Tables of uploads under way, their parts, and the hashes of pictures."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.files.base import Base
from services.files.uploads.schemas import UploadState
from shared.db import JSON, text_enum


class FileUpload(Base, table=True):
    """上传: a file on its way; when it is whole, a row of `file` with the same id."""

    __tablename__ = "upload"
    __table_args__ = (sa.Index(None, "account", "state", "created_at"), sa.Index(None, "state", "expires_at"))

    id: UUID = Field(primary_key=True)
    account: str = Field(max_length=64)
    region: str = Field(max_length=12)
    name: str = Field(max_length=255)
    media_type: str = Field(max_length=100)
    sha256: str = Field(max_length=64)
    """Announced digest of the whole, lower-case hex; empty when none was."""
    length: int = Field(sa_type=sa.BigInteger)
    received: int = Field(sa_type=sa.BigInteger)
    state: UploadState = Field(sa_type=text_enum(UploadState))
    problem: dict[str, Any] = Field(sa_type=JSON)
    """Why the whole was refused, as problem+json."""
    created_at: datetime
    expires_at: datetime


class UploadPart(Base, table=True):
    """上传的一段: bytes in the store from a position on, named by their digest."""

    __tablename__ = "upload_part"

    upload_id: UUID = Field(primary_key=True)
    start: int = Field(primary_key=True, sa_type=sa.BigInteger)
    size: int = Field(sa_type=sa.BigInteger)
    digest: str = Field(max_length=64)

    @property
    def path(self) -> str:
        """Where the store keeps it."""
        return f"parts/{self.upload_id}/{self.start}-{self.digest}"


class Picture(Base, table=True):
    """照片的感知哈希: 64 bits, and their four quarters, one of which is equal where no more than three bits differ."""

    __tablename__ = "picture"
    __table_args__ = tuple(sa.Index(None, f"quarter_{number}") for number in range(4))

    file_id: UUID = Field(primary_key=True)
    bits: str = Field(max_length=16)
    quarter_0: int
    quarter_1: int
    quarter_2: int
    quarter_3: int
    account: str = Field(max_length=64)
    uploaded_at: datetime
