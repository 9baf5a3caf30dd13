"""Table of personal messages."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.messages.schemas import MessageKind
from shared.db import Record, text_enum


class Message(Base, Record, table=True):
    """消息. Its region is that of the record concerned; only `person` can read it."""

    __tablename__ = "personal_message"
    __table_args__ = (
        sa.Index(None, "person", "created_at", "id"),
        sa.Index(None, "person", "unread"),
    )

    person: str = Field(max_length=64)
    kind: MessageKind = Field(sa_type=text_enum(MessageKind))
    words: str = Field(max_length=500)
    about_id: UUID | None = None
    unread: bool = True
    read_at: datetime | None = None
